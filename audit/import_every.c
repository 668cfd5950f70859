/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/import_every.c: services of all protocols, which only a router and
 * loopback can have: rules that name no protocol.
 *
 *   both directions of what is forwarded, at PREROUTING        router
 *   both directions of what this host sends itself, at OUTPUT  loopback
 *
 * One rule may be both directions. What arrives over loopback
 * passed OUTPUT before: a rule for that has nothing left to do.
 */
#include "audit/import_pairing.h"
#include "audit/inet_sets.h"
#include "core/mem.h"

static bool is_forwarded(const struct import_leg *g)
{
	return !g->on_lo && is_transit(g) && !is_local(g);
}

/* With the same addresses on both sides, or none, it is its own answer. */
static bool is_both_ways(const struct import_leg *g)
{
	return !prefix_set_cmp(&g->box.src, &g->box.dst);
}

/* The first one is the request: to a router, one is like the other. */
static bool may_pair(const struct import_leg *a, const struct import_leg *b)
{
	if (a == b ? !is_both_ways(a) :
		     a->rule > b->rule || (a->rule == b->rule && a > b))
		return false;
	return (is_forwarded(a) && is_forwarded(b)) ||
	       (a->leaves && a->on_lo && b->leaves && b->on_lo);
}

static int pair_two(struct pairing *p, struct import_leg *a,
		    struct import_leg *b)
{
	_cleanup_(meeting_release) struct meeting s = { 0 };
	bool meets = false, loopback = a->leaves;
	int err = meeting_of(a, b, true, &s, &meets);

	if (err || !meets)
		return err;
	if (loopback) {
		iface_set_release(&s.ifaces);
		s.own_ifaces = false;
	}
	a->served = b->served = true;
	return pairing_add(p, loopback ? IMPORT_LOOPBACK : IMPORT_ROUTER, &s, 0,
			   a, b);
}

/* All that arrives over loopback, where all that leaves by it is out. */
static int add_arriving(struct pairing *p, struct import_leg *g)
{
	for (size_t i = p->first; i < p->im->n; i++) {
		struct import_service *x = &p->im->v[i];

		if (x->roles != IMPORT_LOOPBACK || x->box.src.n ||
		    x->box.dst.n || g->leaves || !g->on_lo)
			continue;
		g->served = true;
		return rule_list_add(&x->rules, g->use);
	}
	return 0;
}

static bool takes(const struct pairing *p, const struct import_leg *g)
{
	return g->is_every && g->box.families & p->family;
}

static int pair_family(struct pairing *p)
{
	struct import_leg *v = p->legs->v;
	size_t n = p->legs->n;
	int err = 0;

	p->first = p->im->n;
	for (size_t i = 0; !err && i < n; i++)
		for (size_t k = 0; !err && k < n && takes(p, &v[i]); k++)
			if (takes(p, &v[k]) && may_pair(&v[i], &v[k]))
				err = pair_two(p, &v[i], &v[k]);
	for (size_t i = 0; !err && i < n; i++)
		if (takes(p, &v[i]) && !v[i].served)
			err = add_arriving(p, &v[i]);
	return err;
}

/* It, and the rules that are the same. */
static int leave_leg(const struct import_legs *l, const struct import_leg *g,
		     struct import *im)
{
	struct import_left x = { .rule = g->rule, .other = FOREIGN_NOWHERE,
				 .reason = REASON_PROTOCOL };
	int err = import_leave(im, &x);

	for (size_t i = 0; !err && i < l->n_twins; i++) {
		if (l->twins[i].of != g->use)
			continue;
		x.rule = l->uses.v[l->twins[i].use].rule;
		err = import_leave(im, &x);
	}
	return err;
}

int import_pair_every(struct import_legs *l, const struct import_request *rq,
		      struct import *im)
{
	struct pairing p = {
		.legs = l, .rq = rq, .im = im, .proto = EVERY_PROTOCOL,
	};
	int err = 0;

	for (p.family = BOX_IPV4; !err && p.family <= BOX_IPV6; p.family++)
		err = pair_family(&p);
	for (size_t i = 0; !err && i < l->n; i++)
		if (l->v[i].is_every && !l->v[i].served)
			err = leave_leg(l, &l->v[i], im);
	return err;
}
