/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/zone_rule.h: the packets that one of the host's rules takes.
 *
 * Shape:  the zone holds at least what the rule takes; `exact`: nothing else.
 *         The state is left out of it; `takes` says whether packets of any
 *         state may match at all.
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
};

/* The states of foreign_state that it takes; SNAT and DNAT left out. */
uint8_t zone_rule_states(const struct foreign *f,
			 const struct foreign_rule *r);
int zone_of_rule(struct arena *a, const struct foreign *f,
		 const struct foreign_rule *r, uint8_t family,
		 struct zone *ret, struct zone_asked *ret_asked);

#define STATES_ALL							\
	(STATE_NEW | STATE_ESTABLISHED | STATE_RELATED |		\
	 STATE_INVALID | STATE_UNTRACKED)

#endif
