/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_term.h"
#include "core/mem.h"

/* `next`: only where this follows; "@": a set. */
static const struct {
	const char *word, *next;
	enum nft_part_kind kind;
} kinds[] = {
	{ "accept", NULL, PART_VERDICT }, { "drop", NULL, PART_VERDICT },
	{ "continue", NULL, PART_VERDICT }, { "return", NULL, PART_VERDICT },
	{ "jump", NULL, PART_VERDICT }, { "goto", NULL, PART_VERDICT },
	{ "reject", NULL, PART_VERDICT }, { "queue", NULL, PART_VERDICT },
	{ "masquerade", NULL, PART_VERDICT },
	{ "redirect", NULL, PART_VERDICT }, { "snat", NULL, PART_VERDICT },
	{ "dnat", NULL, PART_VERDICT }, { "synproxy", NULL, PART_VERDICT },
	{ "ct", "state", PART_STATE },
	{ "counter", NULL, PART_ACTION }, { "log", NULL, PART_ACTION },
	{ "comment", NULL, PART_ACTION }, { "notrack", NULL, PART_ACTION },
	{ "dup", NULL, PART_ACTION }, { "fwd", NULL, PART_ACTION },
	{ "add", "@", PART_ACTION }, { "update", "@", PART_ACTION },
	{ "delete", "@", PART_ACTION }, { "set", "add", PART_ACTION },
	{ "set", "update", PART_ACTION },
};

static enum nft_part_kind kind_of(const struct nft_words *w)
{
	if (nft_words_to_set(w))
		return PART_ACTION;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const char *next = kinds[i].next;

		if (nft_word_is(w, 0, kinds[i].word) &&
		    (!next || nft_word_is(w, 1, next) ||
		     (*next == '@' && nft_sign_is(w, 1, '@'))))
			return kinds[i].kind;
	}
	return PART_MATCH;
}

static struct foreign_text trimmed(const char *s, const char *end)
{
	while (end > s && strchr(" \t\r\n\\", end[-1]))
		end--;
	return (struct foreign_text){ s, (size_t)(end - s) };
}

/* By what it was understood as. */
static void settle_kind(const struct foreign *f, size_t before,
			struct nft_part *p)
{
	for (size_t i = before; i < f->n_terms; i++) {
		if (f->terms[i].kind == TERM_OPAQUE && p->kind == PART_ACTION)
			p->kind = PART_MATCH;
		if (f->terms[i].kind != TERM_VMAP)
			continue;
		p->of_state = p->kind == PART_STATE;
		p->kind = PART_VERDICT;
	}
}

static int read_part(struct nft_reader *r, struct nft_words *w,
		     const char *end, struct nft_parts *l)
{
	struct nft_part p = { .kind = kind_of(w) };
	const char *from = w->a[0].s - (w->a[0].kind == WORD_STRING);
	size_t before = r->f->n_terms;
	int err = nft_statement_read(w);

	if (err)
		return err;
	settle_kind(r->f, before, &p);
	if (w->a[0].kind != WORD_END)
		end = w->a[0].s - (w->a[0].kind == WORD_STRING);
	p.text = trimmed(from, end);
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n++] = p;
	return 0;
}

/* A model of that rule alone: only where its statements end is asked. */
static int begin(const struct foreign *f, const struct foreign_rule *r,
		 struct foreign *alone)
{
	uint8_t family = f->tables[f->chains[r->chain].table].family;
	struct foreign_rule *rule;
	uint32_t table, chain;
	int err = foreign_table(alone, family, "t", 1, &table);

	if (!err)
		err = foreign_chain(alone, table, "c", 1, &chain);
	if (err)
		return err;
	rule = foreign_add_rule(alone, chain, 0);
	if (!rule)
		return -ENOMEM;
	rule->raw = r->raw;
	return 0;
}

int nft_parts_read(const struct foreign *f, const struct foreign_rule *r,
		   struct nft_parts *ret)
{
	_cleanup_(foreign_free) struct foreign *alone =
		calloc(1, sizeof(*alone));
	_cleanup_(nft_terms_release) struct nft_terms terms = { 0 };
	_cleanup_(nft_parts_release) struct nft_parts l = { 0 };
	struct nft_reader reader = {
		.p = { .text = f->text, .len = f->len },
		.f = alone, .terms = &terms,
	};
	struct nft_words w;
	int err = alone ? begin(f, r, alone) : -ENOMEM;

	if (err)
		return err;
	nft_terms_begin(&reader, &w);
	while (!err && w.a[0].kind != WORD_END)
		err = read_part(&reader, &w, r->raw.s + r->raw.n, &l);
	name_index_release(&reader.define_at);
	if (err)
		return err;
	*ret = l;
	l = (struct nft_parts){ 0 };
	return 0;
}

void nft_parts_release(struct nft_parts *p)
{
	free(p->v);
	*p = (struct nft_parts){ 0 };
}
