/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_foreign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter.h>

#include "backends/nft/nft_term.h"
#include "core/intern.h"
#include "core/mem.h"

int nft_read_scope(struct nft_reader *r, struct nft_place *ret)
{
	struct nft_place at = { .family = NFPROTO_IPV4 };
	uint32_t line = r->p.tok.line;
	const char *name;
	int err;

	nft_accept_family(&r->p, &at.family);
	err = nft_expect_name(&r->p, "a table's name", &name);
	if (!err)
		err = foreign_table(r->f, at.family, name, line, &at.table);
	if (!err)
		*ret = at;
	return err;
}

const struct foreign_elems *nft_define_find(const struct nft_reader *r,
					    const char *name, size_t n)
{
	const char *kept = intern_n(name, n);
	size_t at = kept ? name_index_find(&r->define_at, kept, 0) : SIZE_MAX;

	if (at == SIZE_MAX || r->defines[at] == FOREIGN_NOWHERE)
		return NULL;
	return &r->f->elems[r->defines[at]];
}

/* From here on the name means f->elems[number]. */
static int note_define(struct nft_reader *r, const char *name, uint32_t number)
{
	size_t at = name_index_find(&r->define_at, name, 0);

	if (at == SIZE_MAX) {
		at = r->define_at.n;
		if (mem_grow(&r->defines, &r->cap_defines, at + 1) ||
		    name_index_add(&r->define_at, name, 0))
			return -ENOMEM;
	}
	r->defines[at] = number;
	return 0;
}

/* define NAME = VALUE */
static int read_define(struct nft_reader *r)
{
	struct foreign_elems e = { .table = FOREIGN_NOWHERE,
				   .line = r->p.tok.line };
	int err = nft_expect_name(&r->p, "a name", &e.name);

	if (!err && !nft_accept(&r->p, "="))
		err = nft_parse_error(&r->p, &r->p.tok, "'=' expected");
	if (err)
		return err;
	e.raw.s = r->p.tok.s - (r->p.tok.kind == TOK_STRING);
	err = nft_skip_statement(&r->p);
	e.raw.n = (size_t)(r->p.tok.s - e.raw.s);
	if (!err)
		err = foreign_add_elems(r->f, e);
	return err ? err : note_define(r, e.name,
				       (uint32_t)r->f->n_elems - 1);
}

static int read_undefine(struct nft_reader *r)
{
	const char *name;
	int err = nft_expect_name(&r->p, "a name", &name);

	return err ? err : note_define(r, name, FOREIGN_NOWHERE);
}

int nft_read_anywhere(struct nft_reader *r, bool *ret_is)
{
	*ret_is = true;
	if (nft_accept(&r->p, "include")) {
		r->f->facts[FACT_INCLUDES]++;
		return nft_skip_statement(&r->p);
	}
	if (nft_accept(&r->p, "define") || nft_accept(&r->p, "redefine"))
		return read_define(r);
	if (nft_accept(&r->p, "undefine"))
		return read_undefine(r);
	*ret_is = false;
	return 0;
}

/* [family] TABLE CHAIN [handle|position|index N] RULE */
static int read_rule_command(struct nft_reader *r, bool inserts)
{
	struct nft_place at;
	uint32_t line = r->p.tok.line;
	const char *name;
	int err = nft_read_scope(r, &at);

	if (!err)
		err = nft_expect_name(&r->p, "a chain's name", &name);
	if (!err)
		err = foreign_chain(r->f, at.table, name, line, &at.chain);
	if (err)
		return err;
	if (nft_accept(&r->p, "handle") || nft_accept(&r->p, "position") ||
	    nft_accept(&r->p, "index")) {
		nft_next(&r->p);
		inserts = false;
	}
	return nft_read_rule(r, at.chain, inserts);
}

int nft_count_fact(struct nft_reader *r, uint32_t table, enum foreign_fact fact)
{
	if (mem_grow(&r->tally, &r->cap_tally, (size_t)table + 1))
		return -ENOMEM;
	while (r->n_tally <= table)
		r->tally[r->n_tally++] = (struct nft_tally){ 0 };
	r->tally[table].facts[fact]++;
	r->f->facts[fact]++;
	return 0;
}

/* A chain that is deleted may come again, of another kind. */
static void delete_chain(struct host_chain *c)
{
	c->type = c->hook = c->priority = c->policy = NULL;
}

static void forget_facts(struct nft_reader *r, uint32_t table)
{
	for (size_t i = 0; i < r->n_tally; i++) {
		if (table != FOREIGN_NOWHERE && i != table)
			continue;
		for (size_t k = 0; k < FACT_MAX_; k++)
			r->f->facts[k] -= r->tally[i].facts[k];
		r->tally[i] = (struct nft_tally){ 0 };
	}
}

static int flush_table(struct nft_reader *r, uint32_t table, bool deletes)
{
	struct foreign *f = r->f;

	for (size_t i = 0; i < f->n_chains; i++) {
		if (table != FOREIGN_NOWHERE && f->chains[i].table != table)
			continue;
		foreign_flush_chain(f, (uint32_t)i);
		if (deletes)
			delete_chain(&f->chains[i]);
	}
	if (deletes)
		forget_facts(r, table);
	return deletes ? nft_set_forget(r, table, NULL, true) : 0;
}

static int flush_chain(struct nft_reader *r, bool deletes)
{
	struct nft_place at;
	const char *name;
	int err = nft_read_scope(r, &at);

	if (!err)
		err = nft_expect_name(&r->p, "a chain's name", &name);
	if (!err)
		err = foreign_chain(r->f, at.table, name, r->p.tok.line,
				    &at.chain);
	if (err)
		return err;
	foreign_flush_chain(r->f, at.chain);
	if (deletes)
		delete_chain(&r->f->chains[at.chain]);
	return 0;
}

/* A set, or (elements) some of what is in one. */
static int flush_set(struct nft_reader *r, bool elements, bool deletes)
{
	struct nft_place at;
	const char *name;
	int err = nft_read_scope(r, &at);

	if (!err)
		err = nft_expect_name(&r->p, "a set's name", &name);
	if (err)
		return err;
	return elements ? nft_set_doubt(r, at.table, name) :
			  nft_set_forget(r, at.table, name, deletes);
}

/* From behind `flush` or `delete`. */
static int read_flush(struct nft_reader *r, bool deletes)
{
	struct nft_parser *p = &r->p;
	struct nft_place at;
	int err = 0;

	if (nft_accept(p, "ruleset")) {
		err = flush_table(r, FOREIGN_NOWHERE, true);
	} else if (nft_accept(p, "table")) {
		err = nft_read_scope(r, &at);
		if (!err)
			err = flush_table(r, at.table, deletes);
	} else if (nft_accept(p, "chain")) {
		err = flush_chain(r, deletes);
	} else if (nft_accept(p, "set") || nft_accept(p, "map")) {
		err = flush_set(r, false, deletes);
	} else if (nft_accept(p, "element")) {
		err = flush_set(r, true, deletes);
	} else if (nft_tok_is(&p->tok, "rule")) {
		return nft_parse_error(p, &p->tok, "this rule is named by its handle, which the text does not show");
	}
	return err ? err : nft_skip_statement(p);
}

static int read_table(struct nft_reader *r)
{
	struct nft_place at;
	int err = nft_read_scope(r, &at);

	if (err || !nft_accept_kind(&r->p, TOK_OPEN))
		return err;
	return nft_read_table_block(r, &at);
}

/* What is added, with or without the word `add`. */
static int read_added(struct nft_reader *r, bool inserts)
{
	struct nft_tok word = r->p.tok;
	struct nft_place at = { 0 };
	bool is = false;
	int err;

	nft_next(&r->p);
	if (nft_tok_is(&word, "table"))
		return read_table(r);
	if (nft_tok_is(&word, "rule"))
		return read_rule_command(r, inserts);
	err = nft_read_object(r, &at, &word, true, &is);
	if (err || is)
		return err;
	return nft_parse_error(&r->p, &word, "a table or a command expected");
}

static int read_command(struct nft_reader *r)
{
	struct nft_parser *p = &r->p;
	bool is = false;
	int err = nft_read_anywhere(r, &is);

	if (err || is)
		return err;
	if (nft_accept(p, "flush"))
		return read_flush(r, false);
	if (nft_accept(p, "delete") || nft_accept(p, "destroy"))
		return read_flush(r, true);
	if (nft_accept(p, "list") || nft_accept(p, "reset"))
		return nft_skip_statement(p);
	if (nft_accept(p, "insert"))
		return read_added(r, true);
	if (!nft_accept(p, "add"))
		nft_accept(p, "create");
	return read_added(r, false);
}

static void count_nat(struct foreign *f)
{
	for (size_t i = 0; i < f->n_chains; i++)
		f->facts[FACT_NAT_CHAINS] +=
			f->chains[i].type && !strcmp(f->chains[i].type, "nat");
}

static int read_commands(struct nft_reader *r)
{
	int err = 0;

	nft_next(&r->p);
	while (!err && r->p.tok.kind != TOK_END) {
		if (nft_accept_kind(&r->p, TOK_EOL))
			continue;
		err = read_command(r);
		if (!err && r->p.tok.kind != TOK_EOL &&
		    r->p.tok.kind != TOK_END)
			err = nft_parse_error(&r->p, &r->p.tok,
					      "the end of the line expected");
	}
	return err;
}

int nft_read_foreign(const char *file, struct foreign *f, struct diags *d)
{
	_cleanup_(nft_terms_release) struct nft_terms terms = { 0 };
	struct nft_reader r = {
		.p = { .file = file, .text = f->text, .len = f->len,
		       .line = 1, .col = 1, .d = d },
		.f = f, .terms = f->wants_terms ? &terms : NULL,
	};
	int err = read_commands(&r);

	free(r.v);
	free(r.defines);
	free(r.tally);
	name_index_release(&r.define_at);
	if (!err && r.terms)
		err = nft_sets_finish(&r);
	if (!err)
		count_nat(f);
	return err;
}
