/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_foreign.h"

#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

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
	e.raw.s = r->p.tok.s;
	err = nft_skip_statement(&r->p);
	e.raw.n = (size_t)(r->p.tok.s - e.raw.s);
	return err ? err : foreign_add_elems(r->f, e);
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
		return nft_skip_statement(&r->p);
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

static void flush_table(struct foreign *f, uint32_t table)
{
	for (size_t i = 0; i < f->n_chains; i++)
		if (table == FOREIGN_NOWHERE || f->chains[i].table == table)
			foreign_flush_chain(f, (uint32_t)i);
}

/* From behind `flush` or `delete`. */
static int read_flush(struct nft_reader *r)
{
	struct nft_place at;
	const char *name;
	int err = 0;

	if (nft_accept(&r->p, "ruleset")) {
		flush_table(r->f, FOREIGN_NOWHERE);
	} else if (nft_accept(&r->p, "table")) {
		err = nft_read_scope(r, &at);
		if (!err)
			flush_table(r->f, at.table);
	} else if (nft_accept(&r->p, "chain")) {
		err = nft_read_scope(r, &at);
		if (!err)
			err = nft_expect_name(&r->p, "a chain's name", &name);
		if (!err)
			err = foreign_chain(r->f, at.table, name,
					    r->p.tok.line, &at.chain);
		if (!err)
			foreign_flush_chain(r->f, at.chain);
	} else if (nft_tok_is(&r->p.tok, "rule")) {
		return nft_parse_error(&r->p, &r->p.tok, "this rule is named by its handle, which the text does not show");
	}
	return err ? err : nft_skip_statement(&r->p);
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
	if (nft_accept(p, "flush") || nft_accept(p, "delete") ||
	    nft_accept(p, "destroy"))
		return read_flush(r);
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

int nft_read_foreign(const char *file, struct foreign *f, struct diags *d)
{
	struct nft_reader r = {
		.p = { .file = file, .text = f->text, .len = f->len,
		       .line = 1, .col = 1, .d = d },
		.f = f,
	};
	int err = 0;

	nft_next(&r.p);
	while (!err && r.p.tok.kind != TOK_END) {
		if (nft_accept_kind(&r.p, TOK_EOL))
			continue;
		err = read_command(&r);
		if (!err && r.p.tok.kind != TOK_EOL && r.p.tok.kind != TOK_END)
			err = nft_parse_error(&r.p, &r.p.tok,
					      "the end of the line expected");
	}
	free(r.v);
	if (!err)
		count_nat(f);
	return err;
}
