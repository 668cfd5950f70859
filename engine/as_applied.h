/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/as_applied.h: the host's own rules with a policy's among them, as an
 * apply would leave them. Nothing is written.
 *
 * Shape:  the plan first, of the kernel or of a saved ruleset; then ctpolicy's
 *         rules of today leave the model, and those that are wanted come in,
 *         with their text as diff shows it.
 * Owner:  borrows the request and file names; origins are the plan's.
 * Errors: those of plan_load(), plan_choose_live() and saved_compare(): what
 *         a plan is refused for is refused here; pre-flight isn't asked.
 *         The reason is in `plan.diags`.
 */
#ifndef CTPOLICY_ENGINE_AS_APPLIED_H
#define CTPOLICY_ENGINE_AS_APPLIED_H

#include "engine/plan.h"
#include "rules/foreign.h"

struct as_applied {
	struct plan plan;
	uint32_t first;		/* the policy's rules begin here */
};

int as_applied_load(struct as_applied *a, const struct request *rq,
		    const char *policy);
/* `file`: what `f` was read from; NULL: the kernel, which is read again. */
int as_applied_put(struct as_applied *a, const char *file, struct foreign *f);
/* Who asked for a rule of the model; NULL: it is the host's own. */
const struct origin *as_applied_origin(const struct as_applied *a,
				       uint32_t rule);
void as_applied_release(struct as_applied *a);

#endif
