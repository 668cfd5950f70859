/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/first.h: what may begin in a hook, and where the established pass.
 *
 * A base chain is followed with packets of one state, its jumps laid flat.
 *
 * Shape:  entries in the order of evaluation; the policy is the last one, if it
 *         accepts. Accepting ones hold at least, refusing ones at most what
 *         the rules do. `passed[r]` of a rule that matches states, and of
 *         packets that are established: all that it could take is accepted
 *         ahead of it, on every way to it. Of a rule that rejects it is noted
 *         for new packets, too, accepted or refused. `sure`, of new packets:
 *         those accepted whatever else the rules ask, so that it is all one to
 *         them whether they are known. `stateful`: a rule that matches states
 *         is met; where none is, new packets are as all others.
 * Owner:  zones live in the arena; first_release().
 * Errors: -ENOMEM; -E2BIG: too many ways through the chains.
 */
#ifndef CTPOLICY_AUDIT_FIRST_H
#define CTPOLICY_AUDIT_FIRST_H

#include "audit/uses.h"
#include "audit/zone_rule.h"

struct first_entry {
	struct zone z;
	bool accepts;
};

struct first {
	struct first_entry *v;
	size_t n, cap;
	uint8_t *passed;		/* 0: not met; else enum first_passed */
	struct zones sure;
	size_t cap_sure;
	bool stateful;
	size_t visits;
};

/* FIRST_COMMON: all of TCP, UDP and ICMP, and perhaps not of the rest. */
enum first_passed { FIRST_MET = 1, FIRST_COMMON = 2, FIRST_PASSED = 3 };

int first_find(struct arena *a, const struct foreign *f,
	       const struct rule_order *rules, uint32_t chain,
	       uint8_t family, uint8_t state, struct first *ret);
void first_release(struct first *x);
/*
 * The entries within the zone, those left out that say nothing. Several
 * accepted at the end of the list are joined.
 */
int first_within(struct arena *a, const struct first *x, const struct zone *z,
		 struct first *ret);
/* What is accepted, less the refusals before; *ret_ok: it is a short list. */
int first_accepted(struct arena *a, const struct first *x, struct zones *ret,
		   bool *ret_ok);

#endif
