/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_rewrite_edit.c: one edit alone, and what may be edited. */
#include <errno.h>
#include <string.h>

#include "backends/nft/nft_parse.h"
#include "backends/nft/nft_parts.h"
#include "backends/nft/nft_rewrite.h"
#include "backends/nft/nft_term.h"
#include "core/mem.h"

/* Those of both families are printed with the first. */
static bool is_second(const struct stateless *s, const struct stateless_edit *e)
{
	size_t n;
	const struct stateless_edit *v = stateless_edits(s, e->rule, &n);

	for (size_t i = 0; i < n && &v[i] != e; i++)
		if (v[i].hook == e->hook && v[i].kind != STATELESS_NONE)
			return true;
	return false;
}

int nft_print_edit(const struct foreign *f, const struct stateless *s,
		   const struct stateless_edit *e, struct strbuf *out)
{
	_cleanup_(nft_lines_release) struct nft_lines l = { 0 };
	size_t n = stateless_chains(s, e->rule, e->hook);
	bool gone;
	int err;

	if (is_second(s, e))
		return 0;
	err = nft_rewrite_rule(f, s, e->rule, e->hook, &l, &gone);
	for (size_t i = 0; !err && i < l.n; i++)
		strbuf_printf(out, "%s\n", strbuf_text(&l.v[i], &out->lost));
	for (size_t k = 0; !err && k < n; k++) {
		_cleanup_(nft_lines_release) struct nft_lines in = { 0 };
		const char *name = NULL;

		err = nft_rewrite_chain(f, s, e->rule, e->hook, k, &name, &in);
		if (err || !name)
			continue;
		strbuf_printf(out, "chain %s {", name);
		for (size_t i = 0; i < in.n; i++)
			strbuf_printf(out, " %s;",
				      strbuf_text(&in.v[i], &out->lost));
		strbuf_puts(out, " }\n");
	}
	return err ? err : strbuf_status(out);
}

/* How the command ahead of the rule places it. */
static enum stateless_text place_of(const struct foreign *f,
				    const struct foreign_rule *r)
{
	size_t at = (size_t)(r->raw.s - f->text);
	struct nft_parser p = { .text = f->text, .len = at,
				.at = nft_statement_start(f, at) };
	enum stateless_text text = TEXT_APPENDS;

	for (nft_next(&p); p.tok.kind != TOK_END; nft_next(&p)) {
		if (nft_tok_is(&p.tok, "insert"))
			text = TEXT_INSERTS;
		else if (nft_tok_is(&p.tok, "index") ||
			 nft_tok_is(&p.tok, "handle") ||
			 nft_tok_is(&p.tok, "position"))
			return TEXT_COUNTS;
	}
	return text;
}

static bool is_nameless(const char *chain)
{
	return chain && !strncmp(chain, "__chain", 7);
}

static bool is_extension(const struct nft_word *w)
{
	uint8_t value[TERM_KEY_MAX];

	return !nft_type_value(NULL, TYPE_PROTO, w, value) &&
	       nft_type_value(NULL, TYPE_NEXTHDR, w, value);
}

/* Among the values that the words compare next headers with. */
static bool names_extension(struct nft_words *w)
{
	bool inside = false, braces = false;

	for (; w->a[0].kind != WORD_END; nft_words_next(w)) {
		if (nft_word_is(w, 0, "nexthdr")) {
			inside = true;
			continue;
		}
		if (inside && is_extension(&w->a[0]))
			return true;
		if (nft_sign_is(w, 0, '{'))
			braces = true;
		else if (nft_sign_is(w, 0, '}'))
			inside = braces = false;
		else
			inside &= braces || w->a[0].kind == WORD_SIGN ||
				  w->a[1].kind == WORD_SIGN;
	}
	return false;
}

/* Of a rule whose next headers are not understood: why not; no define's. */
static enum stateless_text why_headers(const struct foreign *f,
				       const struct foreign_rule *r)
{
	_cleanup_(nft_terms_release) struct nft_terms terms = { 0 };
	struct nft_reader reader = {
		.p = { .text = f->text, .len = f->len }, .terms = &terms,
	};
	struct nft_words w;

	nft_words_begin(&w, &reader, r->raw.s, r->raw.n);
	return names_extension(&w) ? TEXT_HEADERS : TEXT_NEXT_HEADERS;
}

/*
 * What is behind extension headers may be of any protocol, and beside a set of
 * them nft takes no word about one.
 */
static bool asks_headers(const struct foreign *f, const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_OPAQUE && t->name &&
		    !strcmp(t->name, "ip6 nexthdr"))
			return true;
	}
	return false;
}

enum stateless_text nft_text_of(const struct foreign *f,
				const struct foreign_rule *r)
{
	_cleanup_(nft_parts_release) struct nft_parts p = { 0 };
	bool found = false;
	int err;

	if (f->facts[FACT_INCLUDES])
		return TEXT_INCLUDES;
	if (is_nameless(f->chains[r->chain].name) || is_nameless(r->target))
		return TEXT_NAMELESS;
	if (!r->n_states)
		return place_of(f, r);
	if (asks_headers(f, r))
		return why_headers(f, r);
	err = nft_parts_read(f, r, &p);
	if (err)
		return err == -ENOMEM ? TEXT_LOST : TEXT_OTHER;
	for (size_t i = 0; i < p.n; i++) {
		if (p.v[i].kind != PART_STATE && !p.v[i].of_state)
			continue;
		found = true;
		if (memchr(p.v[i].text.s, '$', p.v[i].text.n))
			return TEXT_DEFINED;
	}
	return found ? place_of(f, r) : TEXT_OTHER;
}
