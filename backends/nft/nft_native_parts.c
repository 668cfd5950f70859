/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_parts.c: what a rule's expressions are there for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_native.h"
#include "core/mem.h"

void nft_native_parts_release(struct nft_native_parts *p)
{
	free(p->v);
	*p = (struct nft_native_parts){ 0 };
}

/* Of an expression: its name and attributes. */
struct expr {
	const char *name;
	const struct nlattr *v[16 + 1];
};

static bool read_expr(const struct nlattr *a, struct expr *ret)
{
	const struct nlattr *data = NULL;

	memset(ret, 0, sizeof(*ret));
	ret->name = nft_expr_name(a, &data);
	return ret->name && (!data || !nft_nest_attrs(data, ret->v, 16));
}

static bool is_named(const struct expr *e, const char *name)
{
	return !strcmp(e->name, name);
}

/* Those that only test what is in registers, or fill them from the packet. */
static bool is_match(const struct expr *e)
{
	static const struct {
		const char *name;
		uint16_t sets;		/* with that it changes something */
	} rows[] = {
		{ "meta", NFTA_META_SREG }, { "payload", NFTA_PAYLOAD_SREG },
		{ "exthdr", NFTA_EXTHDR_SREG }, { "fib", 0 }, { "socket", 0 },
		{ "rt", 0 }, { "osf", 0 }, { "numgen", 0 }, { "hash", 0 },
		{ "bitwise", 0 }, { "byteorder", 0 }, { "cmp", 0 },
		{ "range", 0 }, { "limit", 0 }, { "xfrm", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (is_named(e, rows[i].name))
			return !rows[i].sets || !e->v[rows[i].sets];
	return false;
}

static int kind_of(const struct expr *e, struct nft_native_part *p)
{
	if (is_match(e)) {
		p->kind = NATIVE_MATCH;
	} else if (is_named(e, "lookup")) {
		p->kind = e->v[NFTA_LOOKUP_DREG] ? NATIVE_VERDICT :
						   NATIVE_MATCH;
		if (p->kind == NATIVE_VERDICT &&
		    nft_attr_u32(e->v[NFTA_LOOKUP_DREG]) != NFT_REG_VERDICT)
			return -EOPNOTSUPP;
	} else if (is_named(e, "counter") || is_named(e, "log") ||
		   (is_named(e, "objref") && e->v[NFTA_OBJREF_IMM_NAME])) {
		p->kind = NATIVE_ACTION;
	} else if (is_named(e, "reject") ||
		   (is_named(e, "immediate") &&
		    nft_attr_u32(e->v[NFTA_IMMEDIATE_DREG]) ==
			    NFT_REG_VERDICT)) {
		p->kind = NATIVE_VERDICT;
	} else {
		return -EOPNOTSUPP;
	}
	return 0;
}

/* The state is loaded, masked perhaps, and compared or looked up. */
struct state {
	bool open;
	uint32_t reg;
};

static bool begins_state(const struct expr *e, struct state *s)
{
	if (!is_named(e, "ct") || nft_attr_u32(e->v[NFTA_CT_KEY]) !=
					  NFT_CT_STATE ||
	    !e->v[NFTA_CT_DREG] || e->v[NFTA_CT_DIRECTION])
		return false;
	s->open = true;
	s->reg = nft_attr_u32(e->v[NFTA_CT_DREG]);
	return true;
}

static int goes_on(const struct expr *e, struct state *s,
		   struct nft_native_part *p)
{
	uint32_t to = nft_attr_u32(e->v[NFTA_LOOKUP_DREG]);

	p->kind = NATIVE_STATE;
	if (is_named(e, "bitwise") &&
	    nft_attr_u32(e->v[NFTA_BITWISE_SREG]) == s->reg &&
	    nft_attr_u32(e->v[NFTA_BITWISE_DREG]) == s->reg)
		return 0;
	s->open = false;
	if (is_named(e, "cmp"))
		return nft_attr_u32(e->v[NFTA_CMP_SREG]) == s->reg ?
			       0 : -EOPNOTSUPP;
	if (!is_named(e, "lookup") ||
	    nft_attr_u32(e->v[NFTA_LOOKUP_SREG]) != s->reg)
		return -EOPNOTSUPP;
	if (!e->v[NFTA_LOOKUP_DREG])
		return 0;
	p->kind = NATIVE_VERDICT;
	p->of_state = true;
	return to == NFT_REG_VERDICT ? 0 : -EOPNOTSUPP;
}

/* What a verdict map asks for is told by loads right ahead of it. */
static void mark_loads(struct nft_native_parts *l)
{
	static const char *const tests[] = { "cmp", "range", "lookup", "limit" };
	struct nft_native_part *p = &l->v[l->n - 1];
	struct expr e;

	if (p->kind != NATIVE_VERDICT || p->of_state)
		return;
	while (p-- > l->v && p->kind == NATIVE_MATCH &&
	       read_expr(p->expr, &e) &&
	       !nft_word_is_among(tests, ARRAY_SIZE(tests), e.name))
		p->loads = true;
}

int nft_native_parts(const struct nft_raw *rule, struct nft_native_parts *ret)
{
	_cleanup_(nft_native_parts_release) struct nft_native_parts l = { 0 };
	struct state state = { 0 };
	const struct nlattr *a;
	size_t sets = 0;
	int err = 0;

	nft_for_each_bytes(a, &rule->exprs) {
		struct nft_native_part p = { .expr = a };
		struct expr e;

		if (!read_expr(a, &e))
			return -EOPNOTSUPP;
		if (nft_expr_anonymous(a) && sets < rule->n_sets)
			p.set = &rule->sets[sets++];
		if (state.open)
			err = goes_on(&e, &state, &p);
		else if (begins_state(&e, &state))
			p.kind = NATIVE_STATE;
		else
			err = kind_of(&e, &p);
		if (err)
			return err;
		if (mem_grow(&l.v, &l.cap, l.n + 1))
			return -ENOMEM;
		l.v[l.n++] = p;
		mark_loads(&l);
	}
	*ret = l;
	l = (struct nft_native_parts){ 0 };
	return 0;
}
