/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/import_alone.c: legs without a partner, and those of loopback. */
#include <netinet/in.h>
#include <string.h>

#include "audit/import_pairing.h"
#include "audit/inet_sets.h"
#include "core/mem.h"

#define NETWORKS_MAX 4096	/* pairs of them, of one leg */

/* Not for a service of its own. */
static bool is_over(const struct import_leg *g)
{
	return g->is_ghost || g->is_blanket;
}

static unsigned int side_of(size_t i)
{
	return i ? LEG_REPLIES : LEG_REQUESTS;
}

/* The service that a leg alone stands for. */
static int add_alone(struct pairing *p, unsigned int role,
		     const struct import_leg *g,
		     const struct prefix_set *clients,
		     const struct prefix_set *servers, unsigned int notes)
{
	_cleanup_(meeting_release) struct meeting s = { 0 };
	int err = prefix_set_copy(clients, AF_UNSPEC, &s.clients);

	if (!err)
		err = prefix_set_copy(servers, AF_UNSPEC, &s.servers);
	if (!err)
		err = iface_set_copy(ifaces_of(g), &s.ifaces);
	return err ? err : pairing_add(p, role, &s, notes, g, NULL);
}

static bool has_use(const struct rule_list *l, uint32_t use)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i] == use)
			return true;
	return false;
}

/* Of each at most one; none: any. */
static struct import_service *find_one_host(const struct pairing *p,
					    unsigned int roles,
					    struct prefix_set c,
					    struct prefix_set s)
{
	for (size_t i = p->first; i < p->im->n; i++) {
		struct import_service *x = &p->im->v[i];

		if (x->roles & roles &&
		    (!x->box.src.n ||
		     (c.n && prefix_set_within(&c, &x->box.src))) &&
		    (!x->box.dst.n ||
		     (s.n && prefix_set_within(&s, &x->box.dst))))
			return x;
	}
	return NULL;
}

static struct prefix_set nth_alone(const struct prefix_set *s, size_t i)
{
	if (!s->n)
		return (struct prefix_set){ 0 };
	return (struct prefix_set){ .n = 1, .one = prefix_set_at(s, i) };
}

/*
 * Do servers or clients that were found here take the leg along? Each pair of
 * its networks may belong to another one.
 */
static int find_hosts(struct pairing *p, const struct import_leg *g,
		      unsigned int side, bool *ret)
{
	const struct prefix_set *c = clients_of(g, side);
	const struct prefix_set *s = servers_of(g, side);
	size_t n_c = c->n ? c->n : 1, n_s = s->n ? s->n : 1;
	bool all = n_c * n_s <= NETWORKS_MAX;
	unsigned int roles = IMPORT_SERVER | IMPORT_CLIENT |
			     (g->on_lo ? IMPORT_LOOPBACK : 0);

	for (size_t i = 0; all && i < n_c * n_s; i++)
		all = find_one_host(p, roles, nth_alone(c, i / n_s),
				    nth_alone(s, i % n_s));
	*ret = all;
	for (size_t i = 0; all && i < n_c * n_s; i++) {
		struct import_service *x =
			find_one_host(p, roles, nth_alone(c, i / n_s),
				      nth_alone(s, i % n_s));

		if (rule_list_add(&x->rules, g->use))
			return -ENOMEM;
	}
	return 0;
}

static unsigned int role_alone(const struct import_leg *g, unsigned int side)
{
	if (!is_local(g))
		return IMPORT_ROUTER;
	return (side == LEG_REQUESTS) == g->leaves ? IMPORT_CLIENT :
						     IMPORT_SERVER;
}

/* What another direction answers in part: networks that it does not name. */
static int add_rest(struct pairing *p, const struct import_leg *g,
		    unsigned int side)
{
	_cleanup_(prefix_set_release) struct prefix_set c = { 0 }, s = { 0 };
	const struct prefix_set *clients = clients_of(g, side);
	const struct prefix_set *servers = servers_of(g, side);
	unsigned int role = role_alone(g, side);
	int err = prefix_set_copy(clients, AF_UNSPEC, &c);

	if (!err)
		err = prefix_set_copy(servers, AF_UNSPEC, &s);
	for (size_t i = p->first; !err && i < p->im->n; i++) {
		const struct import_service *x = &p->im->v[i];
		struct prefix_set less = { 0 };

		if (!has_use(&x->rules, g->use))
			continue;
		err = prefixes_apart(&c, &x->box.src, &less);
		if (!err) {
			prefix_set_release(&c);
			c = less;
			less = (struct prefix_set){ 0 };
			err = prefixes_apart(&s, &x->box.dst, &less);
		}
		if (!err) {
			prefix_set_release(&s);
			s = less;
		}
	}
	if (!err && c.n)
		err = add_alone(p, role, g, &c, servers, IMPORT_ADDED);
	if (!err && s.n)
		err = add_alone(p, role, g, clients, &s, IMPORT_ADDED);
	return err;
}

static bool are_hosts(const struct prefix_set *s)
{
	bool all = s->n;

	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		all &= prefix_is_host(&p);
	}
	return all;
}

/*
 * What goes out to the address that requests come in for (or comes from the one
 * that answers come in for) stays on this host: it is the loopback leg.
 */
static bool is_to_self(const struct import_leg *g, unsigned int side)
{
	return g->leaves && are_hosts(side == LEG_REQUESTS ?
				      servers_of(g, side) :
				      clients_of(g, side));
}

static bool is_in_service(const struct pairing *p, uint32_t use)
{
	for (size_t i = p->first; i < p->im->n; i++)
		if (has_use(&p->im->v[i].rules, use))
			return true;
	return false;
}

static int finish_side(struct pairing *p, struct at *a, size_t i)
{
	const struct import_leg *g = a->leg;
	unsigned int side = side_of(i);
	bool taken = false;
	int err;

	if (a->ghost[i] && !is_in_service(p, g->use))
		return import_leave(p->im, &(struct import_left){
			.rule = g->rule, .other = a->ghost[i]->rule,
			.reason = REASON_PARTNER });
	if (a->used[i])
		return clients_of(g, side)->n || servers_of(g, side)->n ?
			       add_rest(p, g, side) : 0;
	/* ports that nobody names are not meant by one that names none */
	if (g->wide && g->paired)
		return 0;
	err = is_to_self(g, side) ? find_hosts(p, g, side, &taken) : 0;
	if (err || taken)
		return err;
	return add_alone(p, role_alone(g, side), g, clients_of(g, side),
			 servers_of(g, side), IMPORT_ADDED);
}

/* Replies are looked at first where both are missing: a server is likelier. */
static int finish_legs(struct pairing *p, bool leaves, unsigned int side)
{
	int err = 0;

	for (size_t k = 0; !err && k < p->n; k++) {
		struct at *a = &p->at[k];
		bool bare = is_bare(a->leg);

		if (a->leg->on_lo || is_over(a->leg) ||
		    a->leg->leaves != leaves ||
		    !(a->leg->sides & side) ||
		    (bare && side != (leaves ? LEG_REPLIES : LEG_REQUESTS)))
			continue;
		err = finish_side(p, a, side == LEG_REPLIES);
	}
	return err;
}

static int iface_lo(struct iface_set *ret)
{
	static const struct iface lo = { "lo", false };

	iface_set_release(ret);
	return iface_set_add(ret, &lo);
}

/* By the interface, whatever the addresses, as the role has it. */
static bool loops_only(const struct import_leg *g)
{
	return g->leaves && g->on_lo && g->box.oif.n &&
	       g->box.dst_types == UINT16_MAX && !g->box.src_local;
}

static int add_loopback(struct pairing *p, const struct import_leg *a,
			const struct import_leg *b)
{
	_cleanup_(meeting_release) struct meeting s = { 0 };
	bool meets = false, loops = loops_only(a) && loops_only(b);
	int err = meeting_of(a, b, true, &s, &meets);

	s.own_ifaces = false;
	if (!err && meets && !loops)
		err = iface_lo(&s.ifaces);
	if (err || !meets)
		return err;
	if (loops)
		iface_set_release(&s.ifaces);
	return pairing_add(p, loops ? IMPORT_LOOPBACK : IMPORT_SERVER, &s, 0, a,
			   b);
}

int pairing_pair_output(struct pairing *p)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n; i++)
		for (size_t k = 0; !err && k < p->n; k++) {
			struct at *a = &p->at[i], *b = &p->at[k];
			size_t before = p->im->n;

			if (a->used[0] || b->used[1] ||
			    is_over(a->leg) || is_over(b->leg) ||
			    a->leg->on_lo ||
			    b->leg->on_lo || !a->leg->leaves ||
			    !b->leg->leaves || is_bare(a->leg) ||
			    is_bare(b->leg) ||
			    a->leg->sides == b->leg->sides ||
			    !are_hosts(&a->leg->box.dst) ||
			    !are_hosts(&b->leg->box.src) ||
			    !(a->leg->sides & LEG_REQUESTS))
				continue;
			err = add_loopback(p, a->leg, b->leg);
			if (p->im->n == before)
				continue;
			a->used[0] = b->used[1] = true;
			a->leg->paired = b->leg->paired = true;
		}
	return err;
}

static int finish_loopback_side(struct pairing *p, const struct import_leg *g,
				unsigned int side)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n; i++) {
		const struct import_leg *b = p->at[i].leg;

		if ((b != g || is_bare(g)) && !b->is_ghost && !b->served &&
		    b->sides & ~side & BOTH_SIDES && (b->leaves || b->on_lo))
			err = side == LEG_REQUESTS ? add_loopback(p, g, b) :
						     add_loopback(p, b, g);
	}
	return err;
}

/* What only loopback can be, whatever else is served or asked here. */
static int pair_loops(struct pairing *p, const struct import_leg *g)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->n && loops_only(g); i++) {
		const struct import_leg *b = p->at[i].leg;

		if (!loops_only(b) || is_over(b) || (b == g && !is_bare(g)))
			continue;
		if (g->sides & LEG_REQUESTS && b->sides & LEG_REPLIES)
			err = add_loopback(p, g, b);
		if (!err && g->sides & LEG_REPLIES && b->sides & LEG_REQUESTS)
			err = add_loopback(p, b, g);
	}
	return err;
}

/* What a server or client found here does not take along. */
static int finish_loopback(struct pairing *p, const struct import_leg *g)
{
	unsigned int side = g->sides & LEG_REQUESTS ? LEG_REQUESTS :
						      LEG_REPLIES;
	size_t at = p->im->n;
	bool taken = false;
	int err = pair_loops(p, g);

	if (err || p->im->n > at)
		return err;
	for (size_t i = 0; !err && !taken && i < 2; i++)
		if (g->sides & side_of(i))
			err = find_hosts(p, g, side_of(i), &taken);
	if (err || taken)
		return err;
	for (size_t i = 0; !err && i < 2; i++)
		if (g->sides & side_of(i))
			err = finish_loopback_side(p, g, side_of(i));
	if (err || p->im->n > at || p->dry)
		return err;
	err = add_alone(p, IMPORT_SERVER, g, clients_of(g, side),
			servers_of(g, side), IMPORT_ADDED);
	return err || p->im->n == at ? err :
					 iface_lo(&p->im->v[at].box.iif);
}

int pairing_finish(struct pairing *p)
{
	int err = finish_legs(p, false, LEG_REQUESTS);

	if (!err)
		err = finish_legs(p, true, LEG_REPLIES);
	if (!err)
		err = finish_legs(p, false, LEG_REPLIES);
	if (!err)
		err = finish_legs(p, true, LEG_REQUESTS);
	/* what arrives over it has left by it before */
	for (int leaves = 1; leaves >= 0; leaves--)
		for (size_t i = 0; !err && i < p->n; i++) {
			const struct import_leg *g = p->at[i].leg;

			if (g->on_lo && !is_over(g) && g->leaves == leaves)
				err = finish_loopback(p, g);
		}
	return err;
}
