/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/moves.h: what a rule that translates may make of an address.
 *
 * Shape:  `own`: this host's addresses. A map makes a move of each answer that
 *         the sample may get, any other rule one; what is not understood is a
 *         move to anything.
 * Units:  addresses in network byte order, of the family AF_*.
 * Owner:  addresses are the model's, targets its or those of `own`.
 */
#ifndef CTPOLICY_ENGINE_MOVES_H
#define CTPOLICY_ENGINE_MOVES_H

#include "audit/flow_space.h"
#include "core/inet.h"
#include "rules/foreign.h"

#define MOVES_TARGETS 3

struct move {
	const struct key_range *to;	/* NULL: it names no address */
	uint16_t port, last_port;	/* 0: it names none */
	bool unknown;			/* it may be any */
};

/* Whom a rule translates, as far as it is known. */
struct moved {
	const struct flow_sample *sample;
	const struct flow_space *space;
	bool answer;			/* a packet of who was asked */
	bool moved;			/* its destination was, before */
};

struct moves {
	const struct foreign *f;
	const struct moved *who;
	const struct term *t;		/* NULL: the rule says nothing of it */
	const struct term *key;		/* what the map is asked for; or NULL */
	uint32_t at;
	bool done;
};

void moves_begin(struct moves *m, const struct foreign *f, uint32_t rule,
		 const struct moved *who);
bool moves_next(struct moves *m, struct move *ret);
/* Is there more than one? */
bool moves_differ(const struct foreign *f, uint32_t rule,
		  const struct moved *who);
struct port_range moves_ports(const struct move *m,
			      struct port_range otherwise);
bool moves_is_own(const struct prefix_set *own, uint8_t family,
		  const uint8_t *address);
/* May the address stay what it is? */
bool moves_leaves(const struct move *m, uint8_t family,
		  const uint8_t *address);
struct move_target {
	bool stays;		/* as it is, or is not known */
	uint8_t address[16];
};
/*
 * Of all that it may translate to an address of this host's, and one of
 * another.
 */
size_t moves_targets(const struct move *m, const struct prefix_set *own,
		     uint8_t family, struct move_target ret[MOVES_TARGETS]);

#endif
