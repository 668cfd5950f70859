/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/drift.h: are the changes that were made still in force?
 *
 * Where the policy that was applied last is still in its file, the plan of
 * applying it again is counted: that sees what apply would see. Else a record
 * tells what a target was to hold by a digest, which says whether anything
 * differs, but not how much, nor whether a jump was moved.
 *
 * Errors: -errno with the reason in the plan's diagnostics.
 */
#ifndef CTPOLICY_ENGINE_DRIFT_H
#define CTPOLICY_ENGINE_DRIFT_H

#include "engine/status.h"

/* p: every backend as a part that was read; s: its history. */
int drift_find(struct plan *p, struct status *s);
/*
 * The policy that was applied last, as it is in its file now. -ENOENT: there
 * was none, or it is in no file; else as plan_load().
 */
int drift_load_policy(struct plan *p, const struct request *rq,
		      const struct status *s);

#endif
