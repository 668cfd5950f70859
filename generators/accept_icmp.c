/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/accept_icmp.c: what untracked flows need beside their own legs.
 *
 * Errors about an untracked flow are INVALID to a state match; dropped, they
 * take path MTU discovery and "connection refused" with them. Where state may
 * be matched only such errors are accepted: those about tracked flows are
 * RELATED and stay with the host's own rules.
 *
 * The kernel never tracks neighbour discovery, so a policy changes nothing for
 * it and the host's own rules judge it. Only where no rule may match state do
 * solicitations and advertisements of neighbours get accept rules, because
 * the rules that let them in by state will be gone. Router advertisements and
 * MLD get none: a service does not decide who may send them.
 *
 * Source: ICMP types RFC 792, RFC 4443, RFC 4861.
 */
#include "core/mem.h"
#include "generators/generators.h"
#include "generators/legs.h"

struct families {
	bool ipv4, ipv6;
};

struct need {
	struct families any, router;
	bool open;		/* some service lets in what nothing forbids */
};

static const struct origin whole_policy;

static void note_families(const struct leg_visit *v, struct families *f)
{
	f->ipv4 |= v->family != AF_INET6 && v->policy->ipv4;
	f->ipv6 |= v->family != AF_INET && v->policy->ipv6;
}

static int note_need(const struct leg_visit *v, void *arg)
{
	struct need *n = arg;

	if (v->service->accept == ACCEPT_NONE)
		return 0;
	n->open |= v->service->accept == ACCEPT_OPEN;
	note_families(v, &n->any);
	if (v->role == ROLE_ROUTER)
		note_families(v, &n->router);
	return 0;
}

static int add_types(struct ruleset *rs, enum hook hook, uint8_t family,
		     const struct icmp_range *v, size_t n, enum ct_kind ct,
		     bool open)
{
	struct rule *r = ruleset_add(rs);

	if (!r)
		return -ENOMEM;
	r->hook = hook;
	r->action = ACTION_ACCEPT;
	r->rank = RANK_ICMP;
	r->origin = &whole_policy;
	r->match.family = family;
	r->match.proto = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	r->match.ct = ct;
	r->open = open;
	for (size_t i = 0; i < n; i++)
		r->match.icmp[i] = v[i];
	r->match.n_icmp = (uint8_t)n;
	return 0;
}

static int add_errors(struct ruleset *rs, enum hook hook,
		      const struct families *f, enum ct_kind ct, bool open)
{
	/* unreachable; time exceeded, parameter problem */
	static const struct icmp_range v4[] = { { 3, 3 }, { 11, 12 } };
	/* unreachable, too big, time exceeded, parameter problem */
	static const struct icmp_range v6[] = { { 1, 4 } };
	int err = 0;

	if (f->ipv4)
		err = add_types(rs, hook, AF_INET, v4, ARRAY_SIZE(v4), ct,
				open);
	if (!err && f->ipv6)
		err = add_types(rs, hook, AF_INET6, v6, ARRAY_SIZE(v6), ct,
				open);
	return err;
}

static int add_neighbours(struct ruleset *rs, enum hook hook)
{
	/* solicitation, advertisement */
	static const struct icmp_range types[] = { { 135, 136 } };

	return add_types(rs, hook, AF_INET6, types, ARRAY_SIZE(types), CT_ANY,
			 true);
}

int generate_accept_icmp(const struct generator_input *in, struct ruleset *rs)
{
	static const enum hook hooks[] = { HOOK_INPUT, HOOK_OUTPUT,
					   HOOK_FORWARD };
	enum ct_kind ct = in->stateless ? CT_ANY : CT_INVALID_OR_UNTRACKED;
	struct need n = { 0 };
	int err = legs_walk(in->policy, note_need, &n);

	for (size_t i = 0; !err && i < ARRAY_SIZE(hooks); i++) {
		bool through = hooks[i] == HOOK_FORWARD;

		err = add_errors(rs, hooks[i], through ? &n.router : &n.any,
				 ct, n.open);
		if (!err && !through && n.any.ipv6 && n.open &&
		    in->policy->forbid_state)
			err = add_neighbours(rs, hooks[i]);
	}
	return err;
}
