/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/import_pair.c: which two legs are one service.
 *
 *   request arrives at PREROUTING, reply leaves at OUTPUT      server
 *   request leaves at OUTPUT, reply arrives at PREROUTING      client
 *   request and reply both arrive at PREROUTING                router
 *   request and reply both leave at OUTPUT, for one address    loopback
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "audit/import_pairing.h"
#include "audit/inet_sets.h"
#include "core/mem.h"

struct role_rule {
	unsigned int role;
	bool request_leaves, reply_leaves;
	bool pairs_bare;		/* two that name no ports */
};

static const struct role_rule role_rules[] = {
	{ IMPORT_SERVER, false, true, true },
	{ IMPORT_CLIENT, true, false, false },
	{ IMPORT_ROUTER, false, false, true },
};

static bool may_pair(const struct pairing *p, const struct role_rule *r,
		     const struct at *a, const struct at *b)
{
	bool routes = r->role == IMPORT_ROUTER;
	const struct import_leg *x = a->leg, *y = b->leg;

	if (!(x->sides & LEG_REQUESTS) || !(y->sides & LEG_REPLIES) ||
	    x->on_lo || y->on_lo || x->leaves != r->request_leaves ||
	    y->leaves != r->reply_leaves)
		return false;
	if ((x->is_blanket || y->is_blanket) &&
	    (routes || (is_bare(x) && is_bare(y))))
		return false;
	if (is_bare(x) && is_bare(y)) {
		/* with itself, or in both orders: the same packets */
		if (!r->pairs_bare || (routes && x > y) ||
		    (x == y && (x->box.src.n || x->box.dst.n)))
			return false;
	}
	if (!routes)
		return is_local(x) && is_local(y);
	if ((x->is_ghost && is_bare(x)) || (y->is_ghost && is_bare(y)))
		return false;
	return is_transit(x) && is_transit(y) &&
	       (!a->ends[0] || !b->ends[1] || p->rq->forwards == TRUTH_YES);
}

static bool names_hosts(const struct import_leg *g)
{
	return g->box.src.n || g->box.dst.n || g->box.iif.n;
}

/* Both legs of a server and of a client: of a router too? */
static bool may_route(const struct at *a, const struct at *b)
{
	return a->ends[0] && b->ends[1] && is_transit(a->leg) &&
	       is_transit(b->leg) && !names_hosts(a->leg) &&
	       !names_hosts(b->leg) && (a != b || is_bare(a->leg));
}

/* The rules of a server and of a client catch what is forwarded as well. */
static void note_forwarded(struct pairing *p)
{
	bool found = false;

	for (size_t i = 0; i < p->n && p->rq->forwards == TRUTH_MAYBE; i++)
		for (size_t k = 0; k < p->n; k++)
			found |= may_route(&p->at[i], &p->at[k]);
	for (size_t i = p->first; found && i < p->im->n; i++)
		p->im->v[i].notes |= IMPORT_FORWARDED;
}

static int pair_two(struct pairing *p, const struct role_rule *r, struct at *a,
		    struct at *b)
{
	_cleanup_(meeting_release) struct meeting s = { 0 };
	bool meets = false;
	int err = meeting_of(a->leg, b->leg, r->role == IMPORT_ROUTER, &s,
			     &meets);

	if (err || !meets || (a->leg->is_ghost && b->leg->is_ghost))
		return err;
	if (a->leg->is_ghost)
		b->ghost[1] = a->leg;
	else if (b->leg->is_ghost)
		a->ghost[0] = b->leg;
	else
		err = pairing_add(p, r->role, &s, 0, a->leg, b->leg);
	a->used[0] = b->used[1] = true;
	if (r->role != IMPORT_ROUTER)
		a->ends[0] = b->ends[1] = true;
	/* two that name no ports are in each other's place as well */
	if (is_bare(a->leg) && is_bare(b->leg)) {
		a->used[1] = b->used[0] = true;
		a->ends[1] = b->ends[0] = a->ends[0];
	}
	a->leg->paired = b->leg->paired = true;
	return err;
}

static int pair_role(struct pairing *p, const struct role_rule *r)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n; i++)
		for (size_t k = 0; !err && k < p->n; k++)
			if (may_pair(p, r, &p->at[i], &p->at[k]))
				err = pair_two(p, r, &p->at[i], &p->at[k]);
	return err;
}

static const struct port_set *ports_named(const struct import_leg *g)
{
	return g->sides == LEG_REPLIES ? &g->box.sport : &g->box.dport;
}

static int add_at(struct pairing *p, struct import_leg *g)
{
	const struct port_set part = { &p->ports, 1, 1 };
	const struct port_set *s = ports_named(g);
	int err;

	if (p->has_ports && s->n && !ports_within(&part, s))
		return 0;
	err = mem_grow(&p->at, &p->cap, p->n + 1);
	if (!err)
		p->at[p->n++] = (struct at){ .leg = g };
	return err;
}

static bool takes(const struct pairing *p, const struct import_leg *g)
{
	return g->box.families & p->family && box_has_proto(&g->box, p->proto);
}

static int pair_part(struct pairing *p)
{
	int err = 0;

	p->n = 0;
	p->first = p->im->n;
	for (size_t i = 0; !err && i < p->legs->n; i++)
		if (takes(p, &p->legs->v[i]))
			err = add_at(p, &p->legs->v[i]);
	for (size_t i = 0; !err && i < ARRAY_SIZE(role_rules); i++)
		err = pair_role(p, &role_rules[i]);
	if (!err)
		err = pairing_pair_output(p);
	if (err || p->dry)
		return err;
	note_forwarded(p);
	return pairing_finish(p);
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Where parts begin: every port at which some rule begins or has ended. */
static int find_parts(const struct pairing *p, uint32_t **ret, size_t *ret_n)
{
	_cleanup_free_ uint32_t *v = NULL;
	size_t n = 0, cap = 0, k = 0;

	for (size_t i = 0; i < p->legs->n; i++) {
		const struct port_set *s = ports_named(&p->legs->v[i]);

		if (!takes(p, &p->legs->v[i]))
			continue;
		if (mem_grow(&v, &cap, n + 2 * s->n + 2))
			return -ENOMEM;
		for (size_t x = 0; x < s->n; x++) {
			v[n++] = s->v[x].first;
			v[n++] = s->v[x].last + UINT32_C(1);
		}
		if (!s->n) {
			v[n++] = 0;
			v[n++] = 65536;
		}
	}
	if (n)
		qsort(v, n, sizeof(*v), by_number);
	for (size_t i = 0; i < n; i++)
		if (!k || v[k - 1] != v[i])
			v[k++] = v[i];
	*ret = TAKE_PTR(v);
	*ret_n = k;
	return 0;
}

static int pair_protocol(struct pairing *p)
{
	_cleanup_free_ uint32_t *v = NULL;
	size_t n;
	int err;

	/* echoes are told apart as if they had ports */
	p->has_ports = protocol_has_ports((uint8_t)p->proto) ||
		       p->proto == IPPROTO_ICMP;
	if (!p->has_ports)
		return pair_part(p);
	err = find_parts(p, &v, &n);
	for (size_t i = 0; !err && i + 1 < n; i++) {
		p->ports = (struct port_range){ (uint16_t)v[i],
						(uint16_t)(v[i + 1] - 1) };
		/* of others, port 0 alone is nobody's */
		if (p->ports.last || p->proto == IPPROTO_ICMP)
			err = pair_part(p);
	}
	return err;
}

static int pair_all(struct pairing *p)
{
	int err = 0;

	for (p->family = BOX_IPV4; p->family <= BOX_IPV6; p->family++)
		for (p->proto = 0; !err && p->proto < 256; p->proto++) {
			size_t n = 0;

			for (size_t i = 0; i < p->legs->n; i++)
				n += takes(p, &p->legs->v[i]);
			if (n)
				err = pair_protocol(p);
		}
	return err;
}

int import_pair(struct import_legs *l, const struct import_request *rq,
		struct import *im)
{
	struct pairing p = { .legs = l, .rq = rq, .im = im, .dry = true };
	int err = pair_all(&p);

	p.dry = false;
	if (!err)
		err = pair_all(&p);
	free(p.at);
	return err;
}
