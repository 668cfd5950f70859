/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/apply.h: the way from a loaded plan to a change that may be made.
 *
 *   apply_load -> apply_settle -> apply_compare -> apply_check -> transact()
 *
 * Errors: -errno with the reason in p->diags; nothing of the host's was
 *         changed, but that an earlier change was finished or undone.
 *         -FAULT_BUSY: a change is on trial, or somebody else is at work.
 */
#ifndef CTPOLICY_ENGINE_APPLY_H
#define CTPOLICY_ENGINE_APPLY_H

#include "engine/plan.h"

/*
 * plan_load(); where the file cannot be used and the request says so, the
 * policy that was applied last, as it was then, with a warning.
 */
int apply_load(struct plan *p, struct request *rq, const char *file);
/*
 * Take the lock of the state folder, and bring to its end what is not over
 * yet: one change at a time, on rules that are either old or new. `ret`: to be
 * closed after the plan.
 */
int apply_settle(struct plan *p, struct state **ret);
/* What the plan would change here; reads alone. */
int apply_compare(struct plan *p);
/*
 * May it be made, of which the plan was compared? The host may have changed
 * though nothing is to do.
 */
int apply_check(struct plan *p);

#endif
