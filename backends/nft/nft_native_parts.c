/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_parts.c: what a rule's expressions are there for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_native.h"
#include "backends/nft/nft_native_units.h"
#include "core/mem.h"

void nft_native_parts_release(struct nft_native_parts *p)
{
	free(p->v);
	*p = (struct nft_native_parts){ 0 };
}

/* Those that only test what is in registers, or fill them from the packet. */
static bool is_match(const struct nft_expr *e)
{
	static const char *const tests[] = { "cmp", "range", "limit" };

	return nft_expr_loads(e) ||
	       nft_word_is_among(tests, ARRAY_SIZE(tests), e->name);
}

static int kind_of(const struct nft_expr *e, struct nft_native_part *p)
{
	if (is_match(e)) {
		p->kind = NATIVE_MATCH;
	} else if (nft_expr_is(e, "lookup")) {
		p->kind = e->v[NFTA_LOOKUP_DREG] ? NATIVE_VERDICT :
						   NATIVE_MATCH;
		if (p->kind == NATIVE_VERDICT &&
		    nft_attr_u32(e->v[NFTA_LOOKUP_DREG]) != NFT_REG_VERDICT)
			return -EOPNOTSUPP;
	} else if (nft_expr_is(e, "counter") || nft_expr_is(e, "log") ||
		   (nft_expr_is(e, "objref") && e->v[NFTA_OBJREF_IMM_NAME])) {
		p->kind = NATIVE_ACTION;
	} else if (nft_expr_is(e, "reject") ||
		   (nft_expr_is(e, "immediate") &&
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

static bool begins_state(const struct nft_expr *e, struct state *s)
{
	if (!nft_expr_is(e, "ct") || nft_attr_u32(e->v[NFTA_CT_KEY]) !=
					  NFT_CT_STATE ||
	    !e->v[NFTA_CT_DREG] || e->v[NFTA_CT_DIRECTION])
		return false;
	s->open = true;
	s->reg = nft_attr_u32(e->v[NFTA_CT_DREG]);
	return true;
}

static int goes_on(const struct nft_expr *e, struct state *s,
		   struct nft_native_part *p)
{
	uint32_t to = nft_attr_u32(e->v[NFTA_LOOKUP_DREG]);

	p->kind = NATIVE_STATE;
	if (nft_expr_is(e, "bitwise") &&
	    nft_attr_u32(e->v[NFTA_BITWISE_SREG]) == s->reg &&
	    nft_attr_u32(e->v[NFTA_BITWISE_DREG]) == s->reg)
		return 0;
	s->open = false;
	if (nft_expr_is(e, "cmp"))
		return nft_attr_u32(e->v[NFTA_CMP_SREG]) == s->reg ?
			       0 : -EOPNOTSUPP;
	if (!nft_expr_is(e, "lookup") ||
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
	struct nft_expr e;

	if (p->kind != NATIVE_VERDICT || p->of_state)
		return;
	while (p-- > l->v && p->kind == NATIVE_MATCH &&
	       nft_expr_read(p->expr, &e) &&
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
		struct nft_expr e;

		if (!nft_expr_read(a, &e))
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
