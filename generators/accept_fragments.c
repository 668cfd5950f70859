/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/accept_fragments.c: tails of fragmented packets, which have no
 * ports, where nothing reassembles before the filter.
 *
 * Without connection tracking IPv6 INPUT and FORWARD of both families see
 * fragments; IPv4 INPUT comes after the stack's own reassembly. A tail without
 * its first fragment, which the port rules judge, goes nowhere.
 */
#include "generators/generators.h"
#include "generators/legs.h"

/* Is there anything that a tail lacks? */
static bool has_head(const struct leg_visit *v)
{
	return protocol_has_ports(v->proto) || protocol_is_icmp(v->proto);
}

/* Each family says "not the first" in its own way; no rule can for both. */
static int add_tail(const struct leg_visit *v, struct ruleset *rs,
		    enum hook hook, uint8_t family)
{
	struct rule *r;

	if (v->family != AF_UNSPEC && v->family != family)
		return 0;
	r = leg_rule(v, rs, hook, ACTION_ACCEPT);
	if (!r)
		return -ENOMEM;
	r->rank = RANK_FRAGMENT;
	r->open = true;
	r->leg = LEG_BOTH;
	port_set_release(&r->match.sport);
	port_set_release(&r->match.dport);
	r->match.icmp[0] = (struct icmp_range){ 0 };
	r->match.n_icmp = 0;
	r->match.fragment_tail = true;
	r->match.family = family;
	return 0;
}

static int fragment_leg(const struct leg_visit *v, void *arg)
{
	int err = 0;

	if (v->service->accept != ACCEPT_OPEN || v->loopback ||
	    !has_head(v))
		return 0;
	if (v->role != ROLE_ROUTER)
		return leg_enters(v) && v->policy->ipv6 ?
			add_tail(v, arg, HOOK_INPUT, AF_INET6) : 0;
	if (v->policy->ipv4)
		err = add_tail(v, arg, HOOK_FORWARD, AF_INET);
	if (!err && v->policy->ipv6)
		err = add_tail(v, arg, HOOK_FORWARD, AF_INET6);
	return err;
}

int generate_accept_fragments(const struct generator_input *in,
			      struct ruleset *rs)
{
	/* Rules may match states here, which switches reassembly on. */
	if (!in->stateless)
		return 0;
	return legs_walk(in->policy, fragment_leg, rs);
}
