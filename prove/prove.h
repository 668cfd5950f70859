/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/prove.h: does a policy do what it says, to real packets?
 *
 *   host's rules -copy-> private network --+-> bare: connections without
 *                                          |   ctpolicy's rules
 *                          apply the policy+-> now: the same with them
 *
 * In a network namespace of this process's own, with the host's addresses and
 * devices, connections of every service are held, and the kernel tells of each
 * packet whether it was tracked and whether it arrived. A leg is proven if all
 * its packets were seen to be untracked and to arrive. The host itself is read
 * and not touched; all that is made ends with the process.
 *
 * Shape:  a run for each backend: the host's own rules decide for one; where
 *         there are none, both are tried. Legs in the order of the policy.
 * Owner:  prove_release(); what runs borrow is the prove's.
 * Errors: of the policy, of reading the host's rules, of planning; and
 *         -FAULT_LACKING: there can be no private network, or a copy of the
 *         host's rules would not be whole. All with a diagnostic in
 *         plan.diags. That a leg fails is a result.
 */
#ifndef CTPOLICY_PROVE_PROVE_H
#define CTPOLICY_PROVE_PROVE_H

#include "engine/plan.h"
#include "prove/cases.h"

/* The worst that happened to the leg's packets; the last ones are no fault. */
enum leg_fate {
	LEG_PROVEN,
	LEG_TRACKED,
	LEG_LOST,		/* dropped, and not without the policy */
	LEG_LET_IN,		/* dropped without the policy, and not now */
	LEG_UNTRIED,
	LEG_DROPPED_ANYWAY,	/* with the policy and without */
	LEG_UNSEEN,		/* no such packet, since the others were lost */
	LEG_FATE_MAX_
};

struct prove_leg {
	const struct service *service;
	enum flow_way way;
	uint8_t family, proto;
	bool reply;
	enum leg_fate fate;
	size_t connections;
	uint64_t ns;			/* half of what these took */
	struct call call;		/* a connection that shows it */
	const char *by;			/* the rule; NULL: not known, or none */
};

struct prove_test {
	const struct packet_test *test;
	bool tried, tracked, accepted, passed;
	uint64_t ns;
	const char *by;
};

struct prove_run {
	struct plan plan;
	struct request rq;
	struct cases cases;
	const char *backend;
	struct prove_leg *legs;
	size_t n_legs, cap_legs, proven;
	struct prove_test *tests;
	size_t n_tests, tests_passed;
	bool tells_tracking;	/* false: the policy unloads conntrack */
};

#define PROVE_RUNS_MAX 4

struct prove {
	struct request rq;
	struct plan plan;		/* the policy, and all diagnostics */
	struct scene scene;
	bool whole;			/* with the host's own rules */
	bool filters;			/* ... and it has some */
	const char *file;		/* of its rules; NULL: this host's */
	const struct foreign *text;	/* ... as read before; NULL: not yet */
	const struct backend *dialect;	/* of the file */
	struct foreign *saved;		/* what is in it */
	const struct asked *asked;	/* a connection; NULL: the policy's */
	struct prove_run runs[PROVE_RUNS_MAX];
	size_t n_runs;
};

/* Moves this process into a private network, for good. */
int prove_policy(struct prove *x, const struct request *rq,
		 const char *policy, const char *file);
/*
 * One connection instead of the policy's: in the host's rules as they are, or
 * as an apply of the policy would leave them. `policy`: loaded, of which text
 * and name are taken; NULL: none. `saved`: the file's text; NULL: this host's
 * rules. Of each run, prove_end_of() tells.
 */
int prove_asked(struct prove *x, const struct request *rq,
		const struct plan *policy, const char *file,
		const struct foreign *saved, const struct asked *a);

/* What became of the packets that went one way: of any, and of all. */
struct prove_end {
	bool seen, tracked, untracked, arrived;
	bool accepted;			/* every one of them arrived */
	const char *by;			/* the rule that dropped; or NULL */
};

struct prove_end prove_end_of(const struct prove_run *r, bool reply);

/* Is every leg proven, and every test as expected? */
bool prove_holds(const struct prove *x);
void prove_release(struct prove *x);

/* prove/judge_legs.c: of the cases, legs and tests. */
int prove_judge(struct prove_run *r, bool whole);
/* prove/say.c: what does not hold, as diagnostics. */
void prove_say(const struct prove_run *r, struct diags *d);
const char *prove_fate_name(enum leg_fate f);	/* for scripts */
/* "tcp requests from the network (IPv4)" */
void prove_leg_words(const struct prove_leg *l, struct strbuf *out);
/* "192.0.2.1:40000 > 198.51.100.1:80" */
void prove_packet_words(const struct call *t, bool reply, struct strbuf *out);

#endif
