/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/witness.h: what became of a connection's packets, as the kernel saw.
 *
 * Shape:  of each direction, how many packets began their way through the
 *         hooks, what conntrack made of them, and how many got to the end. A
 *         packet of the host to itself begins twice, and has two states.
 * Errors: packet_trace_read()'s.
 */
#ifndef CTPOLICY_PROVE_WITNESS_H
#define CTPOLICY_PROVE_WITNESS_H

#include "host/packet_trace.h"
#include "prove/call.h"

/* A rule or policy of nf_tables. */
struct seen_rule {
	uint8_t family;			/* NFPROTO_* of its table */
	char table[64], chain[64];
	uint64_t handle;		/* 0: the policy */
};

struct seen_leg {
	unsigned int begun, untracked, tracked, passed;
	bool dropped_by_nft;
	struct seen_rule by;		/* ... the last time */
};

struct witness {
	struct packet_trace trace;
	const struct call *call;
	struct seen_leg leg[2];		/* the client's packets, the server's */
	/* packets whose direction is known */
	struct {
		uint32_t id;
		uint8_t direction;	/* 1, 2; 0: of something else */
	} ids[64];
	size_t next;
};

/* From here on, the packets of this call. */
int witness_begin(struct witness *w, const struct call *t);
/* What happened until now. */
int witness_end(struct witness *w);
/* Did a packet get lost on the way? */
bool seen_loss(const struct call *t, const struct seen_leg *l);

#endif
