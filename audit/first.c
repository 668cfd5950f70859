/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/first.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "core/mem.h"
#include "rules/walk.h"

#define DEPTH_MAX 32		/* jumps within jumps */
#define VISITS_MAX 200000	/* rules looked at, in one base chain */
#define PATH_MAX_ZONES 24	/* more: a path is no longer cut */
#define PASSED_MAX 64		/* zones; of more, the rest is not looked at */
#define SURE_MAX 64		/* zones; of more, none is sure any longer */
#define JOIN_MAX 256		/* zones; of more, none are joined */
#define SHORT_MAX 512		/* entries; more are no short list */

/* Those that come this way: at least `least`, at most `most`. */
struct path {
	struct zones most, least;
};

struct following {
	struct arena *a;
	const struct foreign *f;
	const struct rule_order *rules;
	uint8_t family, state;
	struct first *out;
	struct zones passed;		/* accepted so far, for sure; new ones
					   refused, too */
	size_t cap_passed;
	struct zones refused;		/* perhaps, where others would pass */
	size_t cap_refused;
	unsigned int depth;
	bool syn_only;			/* by a rule for flags at hand */
	bool syns_left;			/* such a one has left a chain */
	bool policy_accepts;
};

static int add_entry(struct following *x, const struct zone *z, bool accepts)
{
	if (mem_grow(&x->out->v, &x->out->cap, x->out->n + 1))
		return -ENOMEM;
	x->out->v[x->out->n++] = (struct first_entry){ *z, accepts };
	return 0;
}

static int meet(struct arena *a, const struct zones *l, const struct zone *z,
		struct zones *ret)
{
	struct zones out = { .v = arena_alloc(a, l->n, sizeof(*out.v)) };
	int err = out.v ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < l->n; i++) {
		if (!zone_meets(&l->v[i], z))
			continue;
		err = zone_intersect(a, &l->v[i], z, &out.v[out.n++]);
	}
	if (!err)
		*ret = out;
	return err;
}

/* False: it has become too much, and nothing was cut. */
static int cut(struct arena *a, struct zones *l, const struct zone *z,
	       bool *ret_done)
{
	struct zones out = { 0 };

	out.v = arena_alloc(a, l->n * ZONE_MAX_, sizeof(*out.v));
	if (!out.v)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++) {
		struct zones part = { 0 };
		int err = zone_subtract(a, &l->v[i], z, &part);

		if (err)
			return err;
		memcpy(out.v + out.n, part.v, part.n * sizeof(*part.v));
		out.n += part.n;
	}
	*ret_done = out.n <= PATH_MAX_ZONES;
	if (*ret_done)
		*l = out;
	return 0;
}

/* What goes another way from here. */
static int leave(struct following *x, struct path *p, const struct zone *z,
		 bool surely)
{
	bool done = true;
	int err = surely ? cut(x->a, &p->most, z, &done) : 0;

	x->syns_left |= x->syn_only;
	if (!err)
		err = cut(x->a, &p->least, z, &done);
	if (!err && !done)
		p->least.n = 0;
	return err;
}

static bool is_common(const struct following *x, const struct zone *z)
{
	const struct key_range common[] = {
		{ { x->family == NFPROTO_IPV4 ? 1 : 58 },
		  { x->family == NFPROTO_IPV4 ? 1 : 58 } },
		{ { 6 }, { 6 } }, { { 17 }, { 17 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(common); i++) {
		const struct spans s = { &common[i], 1, true };

		if (spans_meet(&z->dim[ZONE_PROTO], &s))
			return true;
	}
	return false;
}

/* Those that it does not have whole. */
static int drop_within(struct arena *a, struct zones *l, const struct zone *z)
{
	struct zones out = { .v = arena_alloc(a, l->n, sizeof(*out.v)) };

	if (!out.v)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		if (!zone_within(&l->v[i], z))
			out.v[out.n++] = l->v[i];
	*l = out;
	return 0;
}

/*
 * What is left of them when those that were accepted are gone. In an arena of
 * its own: each cut is a copy, and each rule met asks for some. Once they fall
 * into too many pieces, they are no longer cut: that is work for each rule.
 */
static int subtract_passed(struct arena *a, const struct following *x,
			   const struct zones *l, struct zones *ret)
{
	bool done = true;
	int err = 0;

	*ret = *l;
	for (size_t k = 0; !err && ret->n && k < x->passed.n; k++) {
		const struct zone *z = &x->passed.v[k];
		bool meets = false;

		for (size_t i = 0; i < ret->n; i++)
			meets |= zone_meets(&ret->v[i], z);
		if (!meets)
			continue;
		if (done)
			err = cut(a, ret, z, &done);
		if (!err && !done)
			err = drop_within(a, ret, z);
	}
	return err;
}

/* Of those that come to the rule, enum first_passed. */
static int find_passed(struct following *x, const struct zones *l,
		       uint8_t *ret)
{
	_cleanup_(arena_release) struct arena a = { 0 };
	struct zones rest;
	int err = subtract_passed(&a, x, l, &rest);

	*ret = x->syns_left ? FIRST_MET : rest.n ? FIRST_COMMON : FIRST_PASSED;
	for (size_t i = 0; i < rest.n; i++)
		if (is_common(x, &rest.v[i]))
			*ret = FIRST_MET;
	return err;
}

static int note_met(struct following *x, uint32_t rule, const struct zones *l)
{
	uint8_t *at = &x->out->passed[rule], passed = FIRST_MET;
	const struct foreign_rule *r = &x->f->rules[rule];
	int err = 0;

	if (*at == FIRST_MET)
		return 0;
	if (r->verdict == FOREIGN_REJECT ||
	    (x->state == STATE_ESTABLISHED && r->n_states))
		err = find_passed(x, l, &passed);
	if (!*at || passed < *at)
		*at = passed;
	return err;
}

static int note_passed(struct following *x, const struct zones *l)
{
	/* a rule for the first SYN says nothing of what is taken up */
	if (x->syn_only)
		return 0;
	for (size_t i = 0; i < l->n && x->passed.n < PASSED_MAX; i++) {
		if (mem_grow(&x->passed.v, &x->cap_passed, x->passed.n + 1))
			return -ENOMEM;
		x->passed.v[x->passed.n++] = l->v[i];
	}
	return 0;
}

static bool may_be_udp(const struct zone *z)
{
	const struct key_range udp = { { 17 }, { 17 } };
	const struct spans s = { &udp, 1, true };

	return spans_meet(&z->dim[ZONE_PROTO], &s);
}

/* Of datagrams alone: nobody asks about others. */
static int note_sure(struct following *x, const struct zone *z)
{
	struct zones *to = &x->out->sure;
	struct zones one = { .v = arena_alloc(x->a, 1, sizeof(*one.v)),
			     .n = 1 };
	bool done = true;

	if (!one.v)
		return -ENOMEM;
	*one.v = *z;
	if (!may_be_udp(z) || x->refused.n > SURE_MAX)
		return 0;
	for (size_t i = 0; done && i < x->refused.n; i++) {
		int err = cut(x->a, &one, &x->refused.v[i], &done);

		if (err)
			return err;
	}
	for (size_t i = 0; done && i < one.n && to->n < SURE_MAX; i++) {
		if (mem_grow(&to->v, &x->out->cap_sure, to->n + 1))
			return -ENOMEM;
		to->v[to->n++] = one.v[i];
	}
	return 0;
}

/* Ahead of all that knows states, it is all one who is refused. */
static int note_refused(struct following *x, const struct zones *l)
{
	for (size_t i = 0; x->out->stateful && i < l->n &&
	     x->refused.n <= SURE_MAX; i++) {
		if (!may_be_udp(&l->v[i]))
			continue;
		if (mem_grow(&x->refused.v, &x->cap_refused,
			     x->refused.n + 1))
			return -ENOMEM;
		x->refused.v[x->refused.n++] = l->v[i];
	}
	return 0;
}

static int accept_them(struct following *x, const struct zones *most,
		       const struct zones *surely)
{
	int err = 0;

	for (size_t i = 0; !err && i < most->n; i++)
		err = add_entry(x, &most->v[i], true);
	for (size_t i = 0; !err && i < surely->n; i++)
		err = note_sure(x, &surely->v[i]);
	return err ? err : note_passed(x, surely);
}

static int refuse_them(struct following *x, const struct zones *most,
		       const struct zones *surely)
{
	int err = note_refused(x, most);

	for (size_t i = 0; !err && i < surely->n; i++)
		err = add_entry(x, &surely->v[i], false);
	return err || x->state != STATE_NEW ? err : note_passed(x, surely);
}

/* What leaves the base chain comes to its policy. */
static int end_base(struct following *x, const struct zones *most,
		    const struct zones *surely)
{
	return x->depth || !x->policy_accepts ? 0 :
	       accept_them(x, most, surely);
}

static int follow(struct following *x, uint32_t chain, struct path *p);

static int enter(struct following *x, uint32_t chain, struct path *inner)
{
	int err;

	if (x->depth >= DEPTH_MAX)
		return -E2BIG;
	x->depth++;
	err = follow(x, chain, inner);
	x->depth--;
	return err;
}

static int decide(struct following *x, const struct foreign_rule *r,
		  const struct zone_part *v, struct path *p)
{
	uint32_t to = foreign_find_chain(x->f, x->f->chains[r->chain].table,
					 v->target);
	struct path in = { 0 };
	int err = meet(x->a, &p->most, &v->z, &in.most);

	if (!err && v->exact)
		err = meet(x->a, &p->least, &v->z, &in.least);
	if (err)
		return err;
	if (v->verdict == FOREIGN_ACCEPT)
		return accept_them(x, &in.most, &in.least);
	if (foreign_drops(v->verdict))
		return refuse_them(x, &in.most, &in.least);
	if (v->verdict == FOREIGN_RETURN) {
		err = end_base(x, &in.most, &in.least);
		return err ? err : leave(x, p, &v->z, v->exact);
	}
	if ((v->verdict == FOREIGN_JUMP || v->verdict == FOREIGN_GOTO) &&
	    to != FOREIGN_NOWHERE) {
		struct zones sent = in.most;

		err = enter(x, to, &in);
		if (err || v->verdict == FOREIGN_JUMP)
			return err;
		err = end_base(x, &sent, &(struct zones){ 0 });
		return err ? err : leave(x, p, &v->z, v->exact);
	}
	if (!v->target || walk_goes_on(x->f, r, v->target))
		return 0;
	/* whoever decides it elsewhere may accept, or not */
	err = note_refused(x, &in.most);
	return err ? err : accept_them(x, &in.most, &(struct zones){ 0 });
}

/* One part after the other: they are disjoint. */
static int decide_parts(struct following *x, const struct foreign_rule *r,
			const struct zone *z, const struct zone_asked *asked,
			struct path *p)
{
	struct zone_parts l = { 0 };
	bool before = x->syn_only;
	int err = zone_parts_of(x->a, x->f, r, z, asked, x->state, &l);

	x->syn_only |= asked->flags && x->state == STATE_NEW;
	for (size_t i = 0; !err && i < l.n; i++) {
		/* the initial SYN alone: no later packet has passed by that */
		if (asked->flags && x->state == STATE_ESTABLISHED)
			l.v[i].exact = false;
		err = decide(x, r, &l.v[i], p);
	}
	x->syn_only = before;
	return err;
}

static int meet_rule(struct following *x, uint32_t rule, struct path *p,
		     bool *ret_ends)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	struct zone_asked asked;
	struct zones here = { 0 };
	struct zone z;
	bool ends;
	int err = zone_of_rule(x->a, x->f, r, x->family, &z, &asked);

	if (!err)
		err = meet(x->a, &p->most, &z, &here);
	if (err)
		return err;
	err = note_met(x, rule, &here);
	if (err)
		return err;
	x->out->stateful |= r->n_states;
	if (!asked.takes || (asked.flags && !asked.takes_syn) ||
	    (r->n_states && !(zone_rule_states(x->f, r) & x->state)))
		return 0;
	ends = asked.exact && !asked.flags && zone_is_all(&z) &&
	       (foreign_decides(r->verdict) || r->verdict == FOREIGN_RETURN);
	err = decide_parts(x, r, &z, &asked, p);
	*ret_ends = ends;
	return err;
}

static int follow(struct following *x, uint32_t chain, struct path *p)
{
	bool ends = false;
	int err = 0;

	for (uint32_t i = x->rules->first[chain];
	     !err && !ends && i < x->rules->first[chain + 1]; i++) {
		if (++x->out->visits > VISITS_MAX)
			return -E2BIG;
		err = meet_rule(x, x->rules->rules[i], p, &ends);
	}
	if (!err && ends)
		p->most.n = p->least.n = 0;
	return err;
}

int first_find(struct arena *a, const struct foreign *f,
	       const struct rule_order *rules, uint32_t chain,
	       uint8_t family, uint8_t state, struct first *ret)
{
	_cleanup_(first_release) struct first out = { 0 };
	struct following x = { .a = a, .f = f, .rules = rules,
			       .family = family, .state = state,
			       .out = &out };
	struct zone *all = arena_alloc(a, 1, sizeof(*all));
	struct path p;
	int err;

	out.passed = calloc(f->n_rules + 1, 1);
	if (!all || !out.passed)
		return -ENOMEM;
	*all = zone_all(family);
	p.most = p.least = (struct zones){ all, 1 };
	x.policy_accepts = !foreign_drops_rest(&f->chains[chain]);
	err = follow(&x, chain, &p);
	if (!err)
		err = end_base(&x, &p.most, &p.least);
	free(x.passed.v);
	free(x.refused.v);
	if (err)
		return err;
	*ret = out;
	out = (struct first){ 0 };
	return 0;
}

void first_release(struct first *x)
{
	free(x->v);
	free(x->passed);
	free(x->sure.v);
	*x = (struct first){ 0 };
}

static bool meets_any(const struct zones *l, const struct zone *z)
{
	for (size_t i = 0; i < l->n; i++)
		if (zone_meets(&l->v[i], z))
			return true;
	return false;
}

/* Of the entry, less the refusals before it. */
static int add_accepted(struct arena *a, const struct first *x, size_t entry,
			struct zones *all, size_t *cap, bool *ret_ok)
{
	struct zone z = x->v[entry].z;
	struct zones l = { &z, 1 };

	for (size_t k = 0; k < entry; k++) {
		int err;

		if (x->v[k].accepts || !meets_any(&l, &x->v[k].z))
			continue;
		err = cut(a, &l, &x->v[k].z, ret_ok);
		if (err || !*ret_ok)
			return err;
	}
	if (mem_grow(&all->v, cap, all->n + l.n))
		return -ENOMEM;
	for (size_t k = 0; k < l.n; k++)
		all->v[all->n++] = l.v[k];
	return 0;
}

int first_accepted(struct arena *a, const struct first *x, struct zones *ret,
		   bool *ret_ok)
{
	bool ok = x->n <= SHORT_MAX;
	_cleanup_free_ struct zone *v = NULL;
	struct zones all = { 0 };
	size_t cap = 0;
	int err = 0;

	for (size_t i = 0; !err && ok && i < x->n; i++) {
		if (x->v[i].accepts)
			err = add_accepted(a, x, i, &all, &cap, &ok);
		v = all.v;
	}
	if (!err && ok && all.n <= JOIN_MAX)
		err = zones_join(a, &all);
	if (err)
		return err;
	*ret_ok = ok;
	*ret = (struct zones){ .v = arena_alloc(a, all.n, sizeof(*v)),
			       .n = all.n };
	if (!ret->v)
		return -ENOMEM;
	if (all.n)
		memcpy(ret->v, all.v, all.n * sizeof(*v));
	return 0;
}
