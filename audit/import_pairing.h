/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/import_pairing.h: legs that are looked at together.
 *
 * Shape:  one protocol and family, and the ports between two that any rule
 *         names: there a leg holds all or nothing. A ghost is the leg of a rule
 *         that could not be said: its partner is left over, too.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_IMPORT_PAIRING_H
#define CTPOLICY_AUDIT_IMPORT_PAIRING_H

#include <linux/rtnetlink.h>

#include "audit/import_parts.h"

#define BOTH_SIDES (LEG_REQUESTS | LEG_REPLIES)

struct at {
	struct import_leg *leg;
	bool used[2];			/* as a request, as a reply */
	bool ends[2];			/* ... of a server or client */
	const struct import_leg *ghost[2];	/* its only partner */
};

/* Beside the numbers of protocols: all of them. */
#define EVERY_PROTOCOL BOX_PROTOCOLS

struct pairing {
	struct import_legs *legs;
	const struct import_request *rq;
	struct import *im;
	bool dry;			/* only find out what is paired */
	uint8_t family;
	unsigned int proto;
	bool has_ports;
	struct port_range ports;	/* the part that is looked at */
	struct at *at;
	size_t n, cap, first;		/* first: service of this part */
};

/* A service to be, seen from its client and its server. */
struct meeting {
	struct prefix_set clients, servers;
	struct iface_set ifaces;
	bool own_ifaces;		/* each direction has its own */
};

static inline const struct prefix_set *clients_of(const struct import_leg *g,
					   unsigned int side)
{
	return side == LEG_REQUESTS ? &g->box.src : &g->box.dst;
}

static inline const struct prefix_set *servers_of(const struct import_leg *g,
					   unsigned int side)
{
	return side == LEG_REQUESTS ? &g->box.dst : &g->box.src;
}

static inline const struct iface_set *ifaces_of(const struct import_leg *g)
{
	return g->leaves ? &g->box.oif : &g->box.iif;
}

static inline bool is_local(const struct import_leg *g)
{
	return g->leaves || g->box.dst_types & 1 << RTN_LOCAL;
}

static inline bool is_transit(const struct import_leg *g)
{
	return !g->leaves && g->box.dst_types & 1 << RTN_UNICAST &&
	       !g->box.socket;
}

static inline bool is_bare(const struct import_leg *g)
{
	return g->sides == BOTH_SIDES;
}

void meeting_release(struct meeting *s);
/* What the two have in common; a router's interfaces are those of both. */
int meeting_of(const struct import_leg *request,
	       const struct import_leg *reply, bool routes, struct meeting *ret,
	       bool *ret_meets);
/* Takes the scope over; b: NULL: one leg alone. */
int pairing_add(struct pairing *p, unsigned int role, struct meeting *s,
		unsigned int notes, const struct import_leg *a,
		const struct import_leg *b);
/* Legs without a partner, and those of loopback. */
int pairing_finish(struct pairing *p);
/* Both directions at OUTPUT, of one address: it is this host's own. */
int pairing_pair_output(struct pairing *p);

#endif
