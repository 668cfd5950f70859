/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/samples.h: connections to try the host's rules with.
 *
 * No ruleset can be tried with every packet. A connection that some rule tells
 * apart from the others stands for all that the rule does: each rule on the
 * path gives one that it matches, as far as the service has such a connection,
 * and one that no rule tells apart stands for the rest. What a rule translates
 * is tried in the ways, too, that rules of other chains let it through.
 *
 * Errors: -ENOMEM; what `take` returns, but for SAMPLES_ENOUGH.
 */
#ifndef CTPOLICY_AUDIT_SAMPLES_H
#define CTPOLICY_AUDIT_SAMPLES_H

#include "audit/flow_space.h"
#include "rules/foreign.h"

/*
 * What take() may return: it has seen what a rule of a nat chain does, and
 * wants no more of what this one tells apart.
 */
#define SAMPLES_ENOUGH 1

/* What may be spent: samples, and rules that are looked at for them. */
struct samples_limit {
	size_t samples, rules;
	bool nat_alone;		/* what rules of nat chains tell apart */
	/* Of a map's answers, those that matter; NULL: all do. */
	bool (*wants)(const struct foreign_answer *a, void *arg);
};

/*
 * Give take() the connections, those that rules tell apart, within the limit,
 * and the plain one first. *ret_all: there were no more.
 */
int samples_of(const struct foreign *f, const struct flow_space *space,
	       const struct samples_limit *limit,
	       int (*take)(const struct flow_sample *s, void *arg),
	       void *arg, bool *ret_all);

#endif
