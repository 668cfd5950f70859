/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_foreign_rule.c: a rule's extent, and the chain within. */
#include <ctype.h>
#include <string.h>

#include "backends/nft/nft_term.h"
#include "core/intern.h"
#include "core/mem.h"

#define DEPTH_MAX 16

static int check_string(struct nft_reader *r)
{
	const struct nft_tok *t = &r->p.tok;
	const char *end = r->p.text + r->p.len;

	if (t->kind != TOK_STRING || (t->s + t->n < end && t->s[t->n] == '"'))
		return 0;
	return nft_parse_error(&r->p, t, "this string has no end");
}

static bool is_jump(const struct nft_tok *t)
{
	return nft_tok_is(t, "jump") || nft_tok_is(t, "goto");
}

int nft_check_chain_name(struct nft_reader *r)
{
	const struct nft_tok *t = &r->p.tok;

	if (t->kind == TOK_STRING ||
	    (t->kind == TOK_WORD &&
	     (isalnum((unsigned char)*t->s) || strchr("_.$", *t->s))))
		return 0;
	return nft_parse_error(&r->p, t, "a chain's name expected");
}

static int check_target(struct nft_reader *r)
{
	return r->n && is_jump(&r->v[r->n - 1]) ? nft_check_chain_name(r) : 0;
}

static int keep(struct nft_reader *r)
{
	if (mem_grow(&r->v, &r->cap, r->n + 1))
		return -ENOMEM;
	r->v[r->n++] = r->p.tok;
	nft_next(&r->p);
	return 0;
}

/* The words of a set or map within the rule, whose lines may end anywhere. */
static int keep_block(struct nft_reader *r)
{
	size_t depth = 0;
	int err;

	do {
		if (r->p.tok.kind == TOK_END)
			return nft_parse_error(&r->p, &r->p.tok,
					       "'}' expected");
		if (r->p.tok.kind == TOK_EOL) {
			nft_next(&r->p);
			continue;
		}
		depth += r->p.tok.kind == TOK_OPEN;
		depth -= r->p.tok.kind == TOK_CLOSE;
		err = check_string(r);
		if (!err && r->p.tok.kind == TOK_WORD)
			err = check_target(r);
		if (!err)
			err = keep(r);
		if (err)
			return err;
	} while (depth);
	return 0;
}

/* All words of the rule; ret_inner stands behind the `{` of a `jump {`. */
static int collect(struct nft_reader *r, struct nft_parser *ret_inner,
		   bool *ret_has_inner)
{
	int err = 0;

	r->n = 0;
	*ret_has_inner = false;
	while (!err && r->p.tok.kind != TOK_EOL &&
	       r->p.tok.kind != TOK_CLOSE && r->p.tok.kind != TOK_END) {
		bool opens = r->p.tok.kind == TOK_OPEN;

		if (opens && r->n && is_jump(&r->v[r->n - 1])) {
			nft_next(&r->p);
			*ret_inner = r->p;
			*ret_has_inner = true;
			err = nft_skip_block(&r->p);
		} else if (opens) {
			err = keep_block(r);
		} else {
			err = check_string(r);
			if (!err)
				err = check_target(r);
			if (!err)
				err = keep(r);
		}
	}
	return err;
}

static int read_inner(struct nft_reader *r, const struct nft_parser *inner,
		      uint32_t chain)
{
	struct nft_parser behind = r->p;
	int err = 0;

	if (r->depth == DEPTH_MAX)
		return nft_parse_error(&r->p, &inner->tok,
				       "too many chains within chains");
	r->depth++;
	r->p = *inner;
	while (!err && r->p.tok.kind != TOK_CLOSE) {
		if (!nft_accept_kind(&r->p, TOK_EOL))
			err = nft_read_rule(r, chain, 0);
	}
	r->depth--;
	r->p = behind;
	return err;
}

/* The kernel keeps `jump { ... }` as a chain, with a name such as this. */
static int name_inner(struct nft_reader *r, uint32_t line, uint32_t *chain)
{
	struct foreign_rule *rule = &r->f->rules[r->f->n_rules - 1];

	rule->target = intern_printf("__chain%u", r->terms->n_inner++);
	if (!rule->target)
		return -ENOMEM;
	return foreign_chain(r->f, r->f->chains[*chain].table, rule->target,
			     line, chain);
}

int nft_read_rule(struct nft_reader *r, uint32_t chain, uint32_t position)
{
	struct nft_parser inner = { 0 };
	struct nft_tok first = r->p.tok;
	struct foreign_rule *rule;
	const char *behind;
	bool has_inner;
	int err = collect(r, &inner, &has_inner);

	if (err)
		return err;
	behind = r->n || has_inner ? r->p.behind : first.s;
	if (first.kind == TOK_STRING) {
		first.s--;
		first.n++;
	}
	rule = foreign_add_rule(r->f, chain, position);
	if (!rule)
		return -ENOMEM;
	rule->line = first.line;
	rule->raw.s = first.s;
	rule->raw.n = (size_t)(behind - first.s);
	err = nft_read_matches(r);
	if (!err && r->terms)
		err = nft_terms_read(r);
	if (!err && has_inner && r->terms)
		err = name_inner(r, first.line, &chain);
	return err || !has_inner ? err : read_inner(r, &inner, chain);
}
