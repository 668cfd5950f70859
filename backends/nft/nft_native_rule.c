/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_rule.c: the rules that stand for one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_native.h"
#include "backends/nft/nft_pair.h"
#include "core/intern.h"
#include "core/mem.h"

/* Of a map of which some verdicts leave the chain. */
enum keys {
	KEYS_ALL,
	KEYS_LEAVE,
	KEYS_STAY,
};

/* A rule of one family, before that is asked for. */
struct line {
	struct nft_raw raw;
	bool alone;			/* only one family has what it asks */
	bool told;			/* the rule's own words ask for it */
	bool leaves;
	enum keys keys;
	bool none;			/* the map has no such keys */
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
		nft_raw_release(&l->v[i].raw);
	free(l->v);
	*l = (struct nft_native_rules){ 0 };
}

void nft_native_ends_release(struct nft_native_ends *e)
{
	free(e->v);
	*e = (struct nft_native_ends){ 0 };
}

struct composing {
	const struct nft_native_job *j;
	struct nft_raw own;		/* the rule as it was */
	struct nft_native_parts parts;
	struct stateless_pair pair;
	bool inner;			/* in a chain made for the rule */
	size_t place;			/* of the state, among the parts */
	struct lines lines[2];
	struct nft_native_rules *out;
};

static void composing_release(struct composing *c)
{
	nft_raw_release(&c->own);
	nft_native_parts_release(&c->parts);
	lines_release(&c->lines[0]);
	lines_release(&c->lines[1]);
}

static const struct foreign_rule *rule_of(const struct nft_native_job *j)
{
	return &j->f->rules[j->rule];
}

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

/* Are chains of its own to do what the rule did? */
static bool is_sent(const struct composing *c, const struct stateless_rule *r)
{
	return c->j->ends && r->does == DO_TARGET;
}

static bool is_map(const struct nft_native_part *p)
{
	return p->kind == NATIVE_VERDICT && p->set && !p->of_state;
}

/* Does the rule, in place of another, say this part? */
static bool takes_part(const struct composing *c,
		       const struct stateless_rule *r,
		       const struct nft_native_part *p)
{
	if (p->kind == NATIVE_MATCH)
		return r->own || (p->loads && r->does == DO_TARGET);
	if (is_sent(c, r))
		return is_map(p);
	return p->kind != NATIVE_STATE && r->does == DO_TARGET;
}

/* What stands ahead of the state, or behind it. */
static int put_parts(const struct composing *c, const struct stateless_rule *r,
		     bool ahead, struct line *l)
{
	struct nft_raw *to = &l->raw;
	bool any = true;
	int err = 0;

	for (size_t i = 0; !err && i < c->parts.n; i++) {
		const struct nft_native_part *p = &c->parts.v[i];

		if ((r->own && i < c->place) != ahead || !takes_part(c, r, p))
			continue;
		if (p->of_state)
			err = nft_native_verdict(to, r->verdict, r->target);
		else if (l->keys && is_map(p))
			err = nft_native_keys(c->j, p, l->keys == KEYS_LEAVE,
					      to, &any);
		else
			err = put_part(p, to);
	}
	l->none |= !any;
	return err;
}

/* The chain that does so; NULL: no memory. */
static const char *end_for(struct nft_native_ends *e,
			   const struct foreign_outcome *does)
{
	struct nft_native_end *end;

	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].does.verdict == does->verdict &&
		    e->v[i].does.target == does->target)
			return e->v[i].name;
	if (mem_grow(&e->v, &e->cap, e->n + 1))
		return NULL;
	end = &e->v[e->n];
	*end = (struct nft_native_end){
		e->n ? intern_printf("%s-%zu", e->name, e->n) : e->name, *does,
	};
	e->n += end->name != NULL;
	return end->name;
}

/* A map's verdict is that of the state, else it is the rule's. */
static struct foreign_outcome does_of(const struct composing *c,
				      const struct stateless_rule *r)
{
	const struct foreign_rule *of = rule_of(c->j);

	for (size_t i = 0; i < c->parts.n; i++)
		if (c->parts.v[i].of_state)
			return (struct foreign_outcome){ r->verdict,
							 r->target };
	return (struct foreign_outcome){ of->verdict, of->target };
}

static int put_sent(const struct composing *c, const struct stateless_rule *r,
		    struct line *l)
{
	const struct foreign_outcome does = does_of(c, r);
	const char *to = end_for(c->j->ends, &does);
	int err;

	if (!to)
		return -ENOMEM;
	l->leaves = foreign_leaves(does.verdict) || l->keys == KEYS_LEAVE;
	err = nft_native_verdict(&l->raw, l->leaves ? FOREIGN_GOTO :
						      FOREIGN_JUMP, to);
	return err ? err : nft_native_mark(&l->raw);
}

static int put_verdict(const struct composing *c,
		       const struct stateless_edit *e,
		       const struct stateless_rule *r, struct line *l)
{
	int err;

	if (is_sent(c, r))
		return put_sent(c, r, l);
	if (r->does == DO_RETURN)
		return nft_native_verdict(&l->raw, FOREIGN_RETURN, NULL);
	if (r->does != DO_CALL)
		return nft_bytes_add(&l->raw.user, c->own.user.v,
				     c->own.user.n);
	err = nft_native_verdict(&l->raw, FOREIGN_JUMP,
				 stateless_pair_chain(c->j->s, &c->pair, e,
						      r->chain));
	return err || !c->j->ends ? err : nft_native_mark(&l->raw);
}

static int compose_way(const struct composing *c,
		       const struct stateless_edit *e,
		       const struct nft_native_asked *x, size_t way,
		       struct line *l)
{
	const struct stateless_edit *other =
		c->pair.e[e->family == NFPROTO_IPV4];
	const struct stateless_rule *r = x->r;
	int err = put_parts(c, r, true, l);

	if (!err)
		err = nft_native_match(x, way, &l->raw, &l->alone);
	if (!err)
		err = put_parts(c, r, false, l);
	if (!err)
		err = put_verdict(c, e, r, l);
	l->told = other && !other->takes && r->own;
	l->alone |= l->told;
	return err ? err : nft_raw_settle(&l->raw);
}

/* What a map decides takes two rules, if some of its verdicts leave. */
static int compose_line(struct composing *c, const struct stateless_edit *e,
			const struct nft_native_asked *x, size_t way,
			enum keys keys, struct lines *l)
{
	int err;

	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n] = (struct line){ .keys = keys };
	err = compose_way(c, e, x, way, &l->v[l->n]);
	if (err || l->v[l->n].none)
		nft_raw_release(&l->v[l->n].raw);
	else
		l->n++;
	return err;
}

static bool has_map(const struct composing *c)
{
	for (size_t i = 0; i < c->parts.n; i++)
		if (is_map(&c->parts.v[i]))
			return true;
	return false;
}

static int compose(void *arg, size_t family, const struct stateless_rule *r,
		   bool first)
{
	struct composing *c = arg;
	const struct stateless_edit *e = c->pair.e[family];
	struct lines *l = &c->lines[family];
	struct zone known = r->own || c->inner ? e->own :
						 zone_all(e->family);
	const struct nft_native_asked x = { r, &known };
	size_t ways = 1;
	int err = nft_native_ways(&x, &ways);

	(void)first;
	for (size_t i = 0; !err && i < ways; i++) {
		bool split = is_sent(c, r) && has_map(c);

		err = compose_line(c, e, &x, i, split ? KEYS_LEAVE : KEYS_ALL,
				   l);
		if (!err && split)
			err = compose_line(c, e, &x, i, KEYS_STAY, l);
	}
	return err;
}

static size_t count(const void *arg, size_t family)
{
	const struct composing *c = arg;

	return c->lines[family].n;
}

static bool same_bytes(const struct nft_bytes *a, const struct nft_bytes *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->v, b->v, a->n));
}

static bool is_same(const void *arg, size_t v4, size_t v6)
{
	const struct composing *c = arg;
	const struct line *a = &c->lines[0].v[v4], *b = &c->lines[1].v[v6];
	bool same = a->alone == b->alone && !a->alone &&
		    a->raw.n_sets == b->raw.n_sets &&
		    same_bytes(&a->raw.exprs, &b->raw.exprs);

	for (size_t i = 0; same && i < a->raw.n_sets; i++)
		same = same_bytes(&a->raw.sets[i].set, &b->raw.sets[i].set) &&
		       same_bytes(&a->raw.sets[i].elems,
				  &b->raw.sets[i].elems);
	return same;
}

static int put_line(void *arg, size_t family, size_t line, uint8_t ask)
{
	const struct composing *c = arg;
	struct line *l = &c->lines[family].v[line];
	struct nft_native_rules *out = c->out;
	int err = ask && !l->told ? nft_native_family(&l->raw, ask) : 0;

	if (!err)
		err = nft_native_tidy(&l->raw);
	if (!err)
		err = nft_native_lead(c->j, &l->raw, &(bool){ false });
	if (!err)
		err = nft_raw_settle_own(&l->raw);
	if (err || !l->raw.exprs.n)
		return err;
	if (l->raw.exprs.n + l->raw.user.n > NFT_RAW_MAX)
		return -EOPNOTSUPP;
	if (mem_grow(&out->v, &out->cap, out->n + 1))
		return -ENOMEM;
	out->v[out->n++] = (struct nft_native_rule){ l->raw, l->leaves };
	l->raw = (struct nft_raw){ 0 };
	return 0;
}

static int read_own(struct composing *c)
{
	const struct foreign_rule *r = rule_of(c->j);
	int err = r->original ? nft_raw_parse(r->original, &c->own) :
				-EOPNOTSUPP;

	if (!err)
		err = nft_native_parts(&c->own, &c->parts);
	c->place = place_of(&c->parts);
	return err;
}

static int compose_pair(struct composing *c, const struct stateless_span of[2],
			struct nft_native_rules *ret)
{
	const struct foreign *f = c->j->f;
	const struct nft_pair p = {
		.both = f->tables[f->chains[rule_of(c->j)->chain].table]
				.family == NFPROTO_INET,
		.compose = compose, .count = count, .same = is_same,
		.put = put_line,
	};
	int err = read_own(c);

	c->out = ret;
	return err ? err : nft_pair_compose(&p, c, of);
}

int nft_native_rule(const struct nft_native_job *j,
		    struct nft_native_rules *ret, bool *ret_gone)
{
	_cleanup_(composing_release) struct composing c = { .j = j };
	struct stateless_span of[2];

	c.pair = stateless_pair(j->s, j->rule, j->hook);
	*ret_gone = c.pair.e[0] || c.pair.e[1];
	if (!*ret_gone)
		return 0;
	stateless_pair_rules(j->s, &c.pair, of);
	return compose_pair(&c, of, ret);
}

int nft_native_chain(const struct nft_native_job *j, size_t number,
		     const char **ret_name, struct nft_native_rules *ret)
{
	_cleanup_(composing_release) struct composing c = { .j = j,
							    .inner = true };
	struct stateless_span of[2];

	c.pair = stateless_pair(j->s, j->rule, j->hook);
	stateless_pair_inner(j->s, &c.pair, number, of, ret_name);
	return compose_pair(&c, of, ret);
}

int nft_native_end(const struct nft_native_job *j,
		   const struct nft_native_end *end, struct nft_raw *ret)
{
	_cleanup_(composing_release) struct composing c = { .j = j };
	int err = read_own(&c);

	for (size_t i = 0; !err && i < c.parts.n; i++) {
		const struct nft_native_part *p = &c.parts.v[i];

		if (p->of_state)
			err = nft_native_verdict(ret, end->does.verdict,
						 end->does.target);
		else if (p->loads || p->kind == NATIVE_ACTION ||
			 p->kind == NATIVE_VERDICT)
			err = put_part(p, ret);
	}
	if (!err)
		err = nft_bytes_add(&ret->user, c.own.user.v, c.own.user.n);
	if (!err)
		err = nft_native_lead(j, ret, &(bool){ false });
	return err ? err : nft_raw_settle_own(ret);
}
