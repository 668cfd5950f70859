/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/zone_rule.h: the packets that one of the host's rules takes.
 *
 * Shape:  the zone holds at least what the rule takes; `exact`: nothing else.
 *         The state is left out of it, and so is a verdict map; `takes` says
 *         whether packets of any state may match at all. Parts are disjoint:
 *         what a verdict map does with which packets, or the rule with all.
 * Units:  states are enum foreign_state.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_ZONE_RULE_H
#define CTPOLICY_AUDIT_ZONE_RULE_H

#include "rules/foreign.h"
#include "rules/zone.h"

struct zone_asked {
	bool exact;
	bool takes;
	bool flags;		/* asks for flags of TCP */
	bool takes_syn;		/* and the initial SYN has them */
	bool limited;		/* counts packets: a limit of any kind */
	bool alone;		/* and a copy of the rule counts anew */
	const struct term *map;	/* of verdicts, by another field; NULL: none */
};

struct zone_part {
	struct zone z;
	bool exact;
	enum foreign_verdict verdict;
	const char *target;
};

struct zone_parts {
	struct zone_part *v;
	size_t n;
};

/* The states of foreign_state that it takes; SNAT and DNAT left out. */
uint8_t zone_rule_states(const struct foreign *f,
			 const struct foreign_rule *r);
int zone_of_rule(struct arena *a, const struct foreign *f,
		 const struct foreign_rule *r, uint8_t family,
		 struct zone *ret, struct zone_asked *ret_asked);
/* Of zone and asked of zone_of_rule(), for packets of that state. */
int zone_parts_of(struct arena *a, const struct foreign *f,
		  const struct foreign_rule *r, const struct zone *z,
		  const struct zone_asked *asked, uint8_t state,
		  struct zone_parts *ret);
/* The verdict map by state; NULL: the rule has none that is understood. */
const struct term *zone_state_map(const struct foreign *f,
				  const struct foreign_rule *r);
/* Of range i of the map's or match's keys: the states in it. */
uint8_t zone_states_in(const struct foreign *f, const struct term *t,
		       uint32_t i);
/* All matches of the state are understood, one by one. */
bool zone_knows_states(const struct foreign *f, const struct foreign_rule *r);

#define STATES_ALL							\
	(STATE_NEW | STATE_ESTABLISHED | STATE_RELATED |		\
	 STATE_INVALID | STATE_UNTRACKED)

#endif
