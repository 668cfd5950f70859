/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/judge_entry.h: the entry of a connection, from packet to packet.
 *
 * Conntrack looks for it in the zone of each packet, so that a zone set in one
 * direction alone may hide it from the other.
 */
#ifndef CTPOLICY_AUDIT_JUDGE_ENTRY_H
#define CTPOLICY_AUDIT_JUDGE_ENTRY_H

#include "audit/judge.h"

struct judge_entry {
	bool there;
	struct ct_zone zone;
	uint8_t later;			/* states of what follows; 0: any */
	struct {
		uint32_t value, known, unset;
	} mark;
};

/* What is known of it, to a packet behind the first. */
void judge_entry_put(const struct judge_entry *e, enum talk t,
		     struct packet *p);
/* After the packet's walk. */
void judge_entry_next(struct judge_entry *e, enum talk t,
		      const struct walk_state *after, struct judged *j);

#endif
