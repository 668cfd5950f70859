/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/legs.h: the legs of a service as partly filled rules.
 *
 * Both the NOTRACK and the accept generator walk the same legs, so that what
 * leaves the table and what is let in can never be two different things.
 *
 * Shape:  a visit is one leg for one protocol and one family; family
 *         AF_UNSPEC stands for both where no address is named. The visitor
 *         appends rules made by leg_rule(), which fills in protocol, ports,
 *         addresses and interfaces as seen from `hook`.
 * Errors: a visitor's error ends the walk.
 */
#ifndef CTPOLICY_GENERATORS_LEGS_H
#define CTPOLICY_GENERATORS_LEGS_H

#include "policies/policy.h"
#include "rules/ruleset.h"

struct leg_visit {
	const struct policy *policy;
	const struct service *service;
	unsigned int role;		/* ROLE_*, one of them */
	enum leg leg;			/* LEG_BOTH: they are alike */
	uint8_t family, proto;
	bool loopback;			/* between two sockets of this host */
	bool keeps_own;			/* ... which stays tracked */
};

typedef int leg_visitor(const struct leg_visit *v, void *arg);

/* An address list without members of a family excludes that family. */
bool service_in_family(const struct policy *p, const struct service *s,
		       uint8_t family);
/* Does what this host sends to itself stay tracked? */
bool service_keeps_own(const struct service *s, uint8_t family);
/*
 * Replies to hosts behind a masquerading one are addressed to it as well. Only
 * a socket tells them apart, and the kernel can look up one for these alone.
 */
bool leg_finds_socket(uint8_t proto);

int legs_walk(const struct policy *p, leg_visitor *visit, void *arg);
/* Of the services that stay tracked; their visits are of one family each. */
int legs_walk_tracked(const struct policy *p, leg_visitor *visit, void *arg);

/* Where the leg is first met: see generators/notrack.c. */
enum hook leg_first_hook(const struct leg_visit *v);

/* A rule for the leg, at this hook; NULL when out of memory. */
struct rule *leg_rule(const struct leg_visit *v, struct ruleset *rs,
		      enum hook hook, enum action action);

/* Does the leg come in to a socket of this host (not a router's)? */
bool leg_enters(const struct leg_visit *v);
/*
 * Does the same leg of another host already have a rule at this hook that
 * names no interface, so that it holds for loopback too?
 */
bool leg_covers_loopback(const struct leg_visit *v, enum hook hook);

#endif
