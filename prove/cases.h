/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/cases.h: the connections to try of a policy, and what became of them.
 *
 * Shape:  cases of one service, way, protocol and family stand together. A case
 *         is a connection of a service, or a packet of the policy's `tests`,
 *         whose `test` is set, or the connection that somebody asks about.
 *         `bare`: without ctpolicy's rules; `now`: with.
 * Owner:  borrows the policy and the scene; cases_release().
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_PROVE_CASES_H
#define CTPOLICY_PROVE_CASES_H

#include "policies/policy.h"
#include "prove/asked.h"
#include "prove/scene.h"
#include "prove/witness.h"
#include "rules/foreign.h"

struct outcome_of {
	bool tried, answered;
	struct seen_leg leg[2];		/* the client's packets, the server's */
	char *by[2];			/* the rule that dropped; NULL */
};

struct prove_case {
	const struct service *service;	/* NULL: of none */
	const struct packet_test *test;	/* NULL: of none */
	bool asked;
	bool cport_said;		/* it stays as it is */
	struct flow_space flow;
	struct flow_sample sample;
	struct call call;		/* as it was held the last time */
	struct outcome_of bare, now;
	uint64_t ns;			/* that both took */
};

/* Connections of one service in one direction. */
#define CASES_MAX 12

struct cases {
	struct prove_case *v;
	size_t n, cap;
	bool cut;			/* there were more connections */
};

/* `f`: the host's own rules, which tell connections apart. `alone`: no host. */
int cases_find(struct cases *c, const struct policy *p, const struct scene *s,
	       const struct foreign *f, bool alone);
/* The connection that somebody asks about, alone. */
int cases_ask(struct cases *c, const struct asked *a, const struct scene *s);
/* Of one direction of one service: the same leg. */
bool cases_are_alike(const struct prove_case *a, const struct prove_case *b);
void cases_release(struct cases *c);

#endif
