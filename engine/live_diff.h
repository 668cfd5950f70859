/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/live_diff.h: what an apply of a plan would change on this host, and
 * what it would refuse. Nothing is written.
 *
 * Shape:  p was loaded; then `why` says why its backend was chosen, and a
 *         change on trial or an unfinished one is a warning.
 * Errors: -FAULT_CONFLICT: apply would refuse the policy, for the reasons in
 *         p->diags; what was compared by then is in the plan. Else those of
 *         the steps (engine/plan.h, engine/off_holders.h,
 *         engine/tune_check.h, engine/preflight.h).
 */
#ifndef CTPOLICY_ENGINE_LIVE_DIFF_H
#define CTPOLICY_ENGINE_LIVE_DIFF_H

#include "engine/plan.h"

int live_diff(struct plan *p);

#endif
