/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_rule.c: the rules that stand for one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_native.h"
#include "core/mem.h"

/* A rule of one family, before that is asked for. */
struct line {
	struct nft_raw raw;
	bool alone;			/* only one family has what it asks */
	bool told;			/* the rule's own words ask for it */
};

struct lines {
	struct line *v;
	size_t n, cap;
};

static void lines_release(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		nft_raw_release(&l->v[i].raw);
	free(l->v);
	*l = (struct lines){ 0 };
}

void nft_native_rules_release(struct nft_native_rules *l)
{
	for (size_t i = 0; i < l->n; i++)
		nft_raw_release(&l->v[i]);
	free(l->v);
	*l = (struct nft_native_rules){ 0 };
}

struct composing {
	const struct stateless *s;
	const struct nft_raw *own;	/* the rule as it was */
	const struct nft_native_parts *parts;
	const struct stateless_pair *pair;
	bool inner;			/* in a chain made for the rule */
	size_t place;			/* of the state, among the parts */
};

static size_t place_of(const struct nft_native_parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == NATIVE_STATE || p->v[i].of_state)
			return i;
	return p->n;
}

static int put_part(const struct nft_native_part *p, struct nft_raw *to)
{
	int err = nft_bytes_add(&to->exprs, p->expr,
				MNL_ALIGN(p->expr->nla_len));

	return err || !p->set ? err : nft_raw_add_set(to, p->set);
}

/* Does the rule, in place of another, say this part? */
static bool takes_part(const struct stateless_rule *r,
		       const struct nft_native_part *p)
{
	if (p->kind == NATIVE_MATCH)
		return r->own || (p->loads && r->does == DO_TARGET);
	return p->kind != NATIVE_STATE && r->does == DO_TARGET;
}

/* What stands ahead of the state, or behind it. */
static int put_parts(const struct composing *c, const struct stateless_rule *r,
		     bool ahead, struct nft_raw *to)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->parts->n; i++) {
		const struct nft_native_part *p = &c->parts->v[i];

		if ((r->own && i < c->place) != ahead || !takes_part(r, p))
			continue;
		if (p->of_state)
			err = nft_native_verdict(to, r->verdict, r->target);
		else
			err = put_part(p, to);
	}
	return err;
}

static int put_verdict(const struct composing *c,
		       const struct stateless_edit *e,
		       const struct stateless_rule *r, struct nft_raw *to)
{
	if (r->does == DO_RETURN)
		return nft_native_verdict(to, FOREIGN_RETURN, NULL);
	if (r->does == DO_CALL)
		return nft_native_verdict(to, FOREIGN_JUMP,
					  stateless_pair_chain(c->s, c->pair,
							       e, r->chain));
	return nft_bytes_add(&to->user, c->own->user.v, c->own->user.n);
}

static int compose_way(const struct composing *c,
		       const struct stateless_edit *e,
		       const struct nft_native_asked *x, size_t way,
		       struct line *l)
{
	const struct stateless_edit *other =
		c->pair->e[e->family == NFPROTO_IPV4];
	const struct stateless_rule *r = x->r;
	int err = put_parts(c, r, true, &l->raw);

	if (!err)
		err = nft_native_match(x, way, &l->raw, &l->alone);
	if (!err)
		err = put_parts(c, r, false, &l->raw);
	if (!err)
		err = put_verdict(c, e, r, &l->raw);
	l->told = other && !other->takes && r->own;
	l->alone |= l->told;
	return err ? err : nft_raw_settle(&l->raw);
}

static int compose(const struct composing *c, const struct stateless_edit *e,
		   const struct stateless_rule *r, struct lines *l)
{
	struct zone known = r->own || c->inner ? e->own :
						 zone_all(e->family);
	const struct nft_native_asked x = { r, &known };
	size_t ways = 1;
	int err = nft_native_ways(&x, &ways);

	for (size_t i = 0; !err && i < ways; i++) {
		if (mem_grow(&l->v, &l->cap, l->n + 1))
			return -ENOMEM;
		l->v[l->n] = (struct line){ 0 };
		err = compose_way(c, e, &x, i, &l->v[l->n++]);
	}
	return err;
}

static bool same_bytes(const struct nft_bytes *a, const struct nft_bytes *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->v, b->v, a->n));
}

static bool is_same(const struct line *a, const struct line *b)
{
	bool same = a->alone == b->alone && !a->alone &&
		    a->raw.n_sets == b->raw.n_sets &&
		    same_bytes(&a->raw.exprs, &b->raw.exprs);

	for (size_t i = 0; same && i < a->raw.n_sets; i++)
		same = same_bytes(&a->raw.sets[i].set, &b->raw.sets[i].set) &&
		       same_bytes(&a->raw.sets[i].elems,
				  &b->raw.sets[i].elems);
	return same;
}

/* family 0: it is for both, or the table has but one. */
static int take_line(struct nft_native_rules *out, struct line *l,
		     uint8_t family)
{
	bool ask = family && !l->told;
	int err = ask ? nft_native_family(&l->raw, family) : 0;

	if (!err)
		err = nft_native_tidy(&l->raw);
	if (!err)
		err = nft_raw_settle_own(&l->raw);
	if (err || !l->raw.exprs.n)
		return err;
	if (l->raw.exprs.n + l->raw.user.n > NFT_RAW_MAX)
		return -EOPNOTSUPP;
	if (mem_grow(&out->v, &out->cap, out->n + 1))
		return -ENOMEM;
	out->v[out->n++] = l->raw;
	l->raw = (struct nft_raw){ 0 };
	return 0;
}

/* In the order of each family; what both say is said once. */
static int merge(struct lines l[2], bool both, struct nft_native_rules *ret)
{
	const uint8_t v4 = both ? NFPROTO_IPV4 : 0;
	const uint8_t v6 = both ? NFPROTO_IPV6 : 0;
	size_t k = 0;
	int err = 0;

	for (size_t i = 0; !err && i < l[0].n; i++) {
		size_t same = k;

		while (same < l[1].n && !is_same(&l[0].v[i], &l[1].v[same]))
			same++;
		for (; !err && same < l[1].n && k < same; k++)
			err = take_line(ret, &l[1].v[k], v6);
		if (!err)
			err = take_line(ret, &l[0].v[i],
					same == l[1].n ? v4 : 0);
		k += same < l[1].n;
	}
	for (; !err && k < l[1].n; k++)
		err = take_line(ret, &l[1].v[k], v6);
	return err;
}

static int compose_pair(struct composing *c, const struct stateless_span of[2],
			bool both, struct nft_native_rules *ret)
{
	struct lines l[2] = { 0 };
	int err = 0;

	c->place = place_of(c->parts);
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; !err && i < of[k].n; i++)
			err = compose(c, c->pair->e[k], &of[k].v[i], &l[k]);
	if (!err)
		err = merge(l, both, ret);
	lines_release(&l[0]);
	lines_release(&l[1]);
	return err;
}

static int compose_of(const struct foreign *f, uint32_t rule,
		      struct composing *c, const struct stateless_span of[2],
		      struct nft_native_rules *ret)
{
	_cleanup_(nft_native_parts_release) struct nft_native_parts p = { 0 };
	_cleanup_(nft_raw_release) struct nft_raw own = { 0 };
	const struct foreign_rule *r = &f->rules[rule];
	bool both = f->tables[f->chains[r->chain].table].family ==
		    NFPROTO_INET;
	int err = r->original ? nft_raw_parse(r->original, &own) : -EOPNOTSUPP;

	if (!err)
		err = nft_native_parts(&own, &p);
	c->own = &own;
	c->parts = &p;
	return err ? err : compose_pair(c, of, both, ret);
}

int nft_native_rule(const struct foreign *f, const struct stateless *s,
		    uint32_t rule, uint8_t hook, struct nft_native_rules *ret,
		    bool *ret_gone)
{
	struct stateless_pair p = stateless_pair(s, rule, hook);
	struct composing c = { .s = s, .pair = &p };
	struct stateless_span of[2];

	*ret_gone = p.e[0] || p.e[1];
	if (!*ret_gone)
		return 0;
	stateless_pair_rules(s, &p, of);
	return compose_of(f, rule, &c, of, ret);
}

int nft_native_chain(const struct foreign *f, const struct stateless *s,
		     uint32_t rule, uint8_t hook, size_t number,
		     const char **ret_name, struct nft_native_rules *ret)
{
	struct stateless_pair p = stateless_pair(s, rule, hook);
	struct composing c = { .s = s, .pair = &p, .inner = true };
	struct stateless_span of[2];

	stateless_pair_inner(s, &p, number, of, ret_name);
	return compose_of(f, rule, &c, of, ret);
}
