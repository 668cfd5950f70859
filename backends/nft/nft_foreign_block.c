/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_foreign_block.c: what stands in tables and chains. */
#include <string.h>

#include "backends/nft/nft_term.h"
#include "core/intern.h"
#include "core/mem.h"

static bool ends(const struct nft_parser *p)
{
	return p->tok.kind == TOK_EOL || p->tok.kind == TOK_CLOSE ||
	       p->tok.kind == TOK_END;
}

/* The rest of the statement as it is written, up to the word `stop`. */
static int take_rest(struct nft_parser *p, const char *stop, const char **ret)
{
	const char *from = p->tok.s, *to = from, *kept;

	while (!ends(p) && !(stop && nft_tok_is(&p->tok, stop))) {
		to = p->tok.s + p->tok.n;
		nft_next(p);
	}
	kept = intern_n(from, (size_t)(to - from));
	if (!kept)
		return -ENOMEM;
	*ret = kept;
	return 0;
}

/* type filter hook input [device X] priority filter; */
static int take_hook(struct nft_reader *r, struct host_chain *c)
{
	struct nft_parser *p = &r->p;
	int err;

	err = nft_expect_name(p, "a chain type", &c->type);
	if (!err && !nft_accept(p, "hook"))
		err = nft_parse_error(p, &p->tok, "'hook' expected");
	if (!err)
		err = nft_expect_name(p, "a hook", &c->hook);
	while (!err && !ends(p) && !nft_tok_is(&p->tok, "priority")) {
		bool opens = nft_accept_kind(p, TOK_OPEN);

		if (opens)
			err = nft_skip_block(p);
		else
			nft_next(p);
	}
	if (!err && !nft_accept(p, "priority"))
		err = nft_parse_error(p, &p->tok, "'priority' expected");
	return err ? err : take_rest(p, NULL, &c->priority);
}

static int read_chain_line(struct nft_reader *r, const struct nft_place *at)
{
	struct host_chain *c = &r->f->chains[at->chain];
	struct nft_parser *p = &r->p;
	bool is = false;
	int err = nft_read_anywhere(r, &is);

	if (err || is)
		return err;
	if (nft_accept(p, "type"))
		return take_hook(r, c);
	if (nft_accept(p, "policy"))
		return nft_expect_name(p, "a policy", &c->policy);
	if (nft_accept(p, "comment") || nft_accept(p, "flags") ||
	    nft_accept(p, "devices"))
		return nft_skip_statement(p);
	if (c->type && !strcmp(c->type, "nat"))
		err = nft_count_fact(r, at->table, FACT_NAT_CHAIN_RULES);
	return err ? err : nft_read_rule(r, at->chain, 0);
}

int nft_read_chain_block(struct nft_reader *r, const struct nft_place *at)
{
	int err = 0;

	while (!err && r->p.tok.kind != TOK_CLOSE &&
	       r->p.tok.kind != TOK_END)
		if (!nft_accept_kind(&r->p, TOK_EOL))
			err = read_chain_line(r, at);
	return err ? err : nft_expect_kind(&r->p, TOK_CLOSE, "'}'");
}

static int read_chain(struct nft_reader *r, struct nft_place *at)
{
	const struct nft_tok t = r->p.tok;
	const char *name;
	int err = nft_check_chain_name(r);

	if (!err)
		err = nft_expect_name(&r->p, "a chain's name", &name);
	if (!err)
		err = foreign_chain(r->f, at->table, name, t.line, &at->chain);
	if (err || !nft_accept_kind(&r->p, TOK_OPEN))
		return err;
	return nft_read_chain_block(r, at);
}

static bool is_ct_word(const struct nft_tok *t)
{
	return nft_tok_is(t, "ct") ||
	       (t->kind == TOK_WORD && t->n > 3 && !memcmp(t->s, "ct_", 3));
}

/* NAME [{ ... }] */
static int read_elems(struct nft_reader *r, const struct nft_place *at,
		      bool is_map, bool is_declared)
{
	struct foreign_elems e = { .table = at->table, .is_map = is_map,
				   .line = r->p.tok.line };
	bool has_ct = false;
	int err = nft_expect_name(&r->p, "a set's name", &e.name);
	size_t depth = 1;

	if (err || r->p.tok.kind != TOK_OPEN)
		return err;
	e.raw.s = r->p.tok.s;
	nft_next(&r->p);
	while (depth) {
		if (r->p.tok.kind == TOK_END)
			return nft_parse_error(&r->p, &r->p.tok,
					       "'}' expected");
		has_ct |= is_ct_word(&r->p.tok);
		depth += r->p.tok.kind == TOK_OPEN;
		depth -= r->p.tok.kind == TOK_CLOSE;
		e.raw.n = (size_t)(r->p.tok.s + r->p.tok.n - e.raw.s);
		nft_next(&r->p);
	}
	err = foreign_add_elems(r->f, e);
	if (!err && has_ct && is_declared)
		err = nft_count_fact(r, at->table, FACT_SETS_WITH_CT);
	return err || !r->terms ? err : nft_set_take(r, &e, is_declared);
}

enum object { CHAIN, SET, MAP, ELEMENT, FLOWTABLE, CT, SYNPROXY, OTHER };

static const struct {
	const char *word;
	enum object object;
} objects[] = {
	{ "chain", CHAIN }, { "set", SET }, { "map", MAP },
	{ "element", ELEMENT }, { "flowtable", FLOWTABLE }, { "ct", CT },
	{ "synproxy", SYNPROXY }, { "counter", OTHER }, { "quota", OTHER },
	{ "limit", OTHER }, { "secmark", OTHER }, { "meter", OTHER },
	{ "tunnel", OTHER },
};

/* Timers of ctpolicy's are not there without the rules that give them. */
static bool is_own(const struct nft_reader *r, uint32_t table)
{
	const struct foreign_table *t = &r->f->tables[table];

	return nft_table_is_own(t->family, t->name);
}

static int read_of_kind(struct nft_reader *r, struct nft_place *at,
			enum object kind)
{
	int err = 0;

	if (kind == CHAIN)
		return read_chain(r, at);
	if (kind == SET || kind == MAP || kind == ELEMENT)
		return read_elems(r, at, kind == MAP, kind != ELEMENT);
	if (kind == FLOWTABLE)
		err = nft_count_fact(r, at->table, FACT_FLOWTABLES);
	else if (kind == CT && !is_own(r, at->table))
		err = nft_count_fact(r, at->table, FACT_CT_OBJECTS);
	else if (kind == SYNPROXY)
		err = nft_count_fact(r, at->table, FACT_SYNPROXY_OBJECTS);
	return err ? err : nft_skip_statement(&r->p);
}

static int read_ct_kind(struct nft_parser *p)
{
	if (nft_accept(p, "helper") || nft_accept(p, "timeout") ||
	    nft_accept(p, "expectation"))
		return 0;
	return nft_parse_error(p, &p->tok,
			       "helper, timeout or expectation expected");
}

int nft_read_object(struct nft_reader *r, struct nft_place *at,
		    const struct nft_tok *word, bool names_table, bool *ret_is)
{
	size_t k = 0;
	int err = 0;

	while (k < ARRAY_SIZE(objects) && !nft_tok_is(word, objects[k].word))
		k++;
	*ret_is = k < ARRAY_SIZE(objects);
	if (!*ret_is)
		return 0;
	if (objects[k].object == CT)
		err = read_ct_kind(&r->p);
	if (!err && names_table)
		err = nft_read_scope(r, at);
	return err ? err : read_of_kind(r, at, objects[k].object);
}

static int read_table_line(struct nft_reader *r, struct nft_place *at)
{
	struct nft_tok word;
	bool is = false;
	int err = nft_read_anywhere(r, &is);

	if (err || is)
		return err;
	word = r->p.tok;
	nft_next(&r->p);
	if (nft_tok_is(&word, "flags"))
		return take_rest(&r->p, NULL, &r->f->tables[at->table].flags);
	if (nft_tok_is(&word, "comment"))
		return nft_skip_statement(&r->p);
	err = nft_read_object(r, at, &word, false, &is);
	if (err || is)
		return err;
	return nft_parse_error(&r->p, &word, "a chain, a set or another object of a table expected");
}

int nft_read_table_block(struct nft_reader *r, struct nft_place *at)
{
	int err = 0;

	while (!err && r->p.tok.kind != TOK_CLOSE &&
	       r->p.tok.kind != TOK_END)
		if (!nft_accept_kind(&r->p, TOK_EOL))
			err = read_table_line(r, at);
	return err ? err : nft_expect_kind(&r->p, TOK_CLOSE, "'}'");
}
