/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/flow.h: does a rule take a packet, as far as can be told from afar?
 *
 * Shape:  a flow is one direction of a connection at one hook. What is not
 *         known of it (an interface, or at HOOK_OUTPUT whether its source is
 *         this host's) is taken to match: the question is what a rule may do,
 *         not what it must.
 * Units:  addresses in network byte order, IPv4 in the first four bytes;
 *         ports in host byte order.
 */
#ifndef CTPOLICY_RULES_FLOW_H
#define CTPOLICY_RULES_FLOW_H

#include "rules/ruleset.h"

struct flow {
	uint8_t family, proto;		/* AF_*, IPPROTO_* */
	uint8_t saddr[16], daddr[16];
	uint16_t sport, dport;		/* 0 where the protocol has none */
	bool has_icmp;			/* icmp_type is known */
	uint8_t icmp_type;
	bool to_local, to_group;	/* where daddr leads */
	bool loopback;			/* from this host to this host */
	char iif[16], oif[16];		/* padded with NUL; "": not known */
};

bool flow_matches(const struct flow *f, const struct match *m);
/*
 * A rule of this action at this hook that takes the flow, behind `after` (NULL:
 * the first); NULL: no other one.
 */
const struct rule *flow_find(const struct flow *f, const struct ruleset *rs,
			     enum hook hook, enum action action,
			     const struct rule *after);
struct flow flow_reversed(const struct flow *f);

#endif
