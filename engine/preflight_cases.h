/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/preflight_cases.h: the connections that pre-flight tries.
 *
 * Shape:  those of one space stand side by side, as far as the host's rules
 *         tell them apart; each space has its share of what is tried in all.
 * Owner:  borrows the plan and the model; preflight_cases_release(), also
 *         after an error.
 * Errors: -ENOMEM; -errno: the host's addresses cannot be listed.
 */
#ifndef CTPOLICY_ENGINE_PREFLIGHT_CASES_H
#define CTPOLICY_ENGINE_PREFLIGHT_CASES_H

#include "audit/judge_counts.h"
#include "audit/samples.h"
#include "engine/ends.h"
#include "engine/plan.h"

enum aspect {
	ASPECT_TAKEN_OUT,	/* of tracking */
	ASPECT_TWIN,		/* begun from the service's own port */
	ASPECT_KEPT,		/* stays tracked, this host with itself */
	ASPECT_TIMED,		/* stays tracked, with other timeouts */
};

/* A service in one direction, of one family and protocol. */
struct space {
	const struct service *service;
	struct flow_space flow;
	enum aspect aspect;
	size_t first, n;	/* of its cases */
};

struct attempt {
	size_t space;
	struct flow_sample sample;
	struct judged now;
	struct judged_counts counts;
	bool tried;
};

struct preflight_cases {
	const struct plan *p;
	const struct foreign *f;	/* the host's own rules */
	struct ends ends;
	struct space *spaces;
	size_t n_spaces, cap_spaces;
	struct attempt *v;
	size_t n, cap;
	struct samples_limit limit;	/* of one space */
	bool untried;			/* some were cut short */
};

/* `knows_host`: of this host's addresses; else of examples, for a text. */
int preflight_cases_find(struct preflight_cases *x, const struct plan *p,
			 const struct foreign *f, bool knows_host);
void preflight_cases_release(struct preflight_cases *x);

#endif
