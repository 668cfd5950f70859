/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_rows.h: a rule of the ruleset as plain iptables rules,
 * every value inline: a multiport list of ports, one address of each side, one
 * ICMP type.
 *
 * Shape:  what is multiplied out is the rule's; all else is the model's.
 * Owner:  borrows all; the rows' origins are the rule's.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_ROWS_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_ROWS_H

#include "backends/xtables/ipt_rule_args.h"
#include "rules/image.h"

/* Where the rows go, and what they have in common. */
struct ipt_rows {
	const struct match *model;
	uint8_t family;			/* AF_INET, AF_INET6 */
	const struct iface *iface;	/* beside the model's; NULL: none */
	bool iface_in;			/* it is what packets come in by */
	enum verdict verdict;
	const char *timers;		/* of VERDICT_TIMERS, _JUMP: to what */
	struct image_chain *chain;	/* rows go to its end */
};

uint64_t ipt_rows_count(const struct rule *r);
int ipt_rows_emit(const struct ipt_rows *to, const struct rule *r);

#endif
