/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/drift.h: are the changes that were made still in force?
 *
 * The plan of applying the same policy again is counted: that sees what apply
 * would see. Where its text is not known, a record tells what a target was to
 * hold by a digest, which says whether anything differs, but not how much, nor
 * whether a jump was moved.
 *
 * Errors: -errno with the reason in the plan's diagnostics.
 */
#ifndef CTPOLICY_ENGINE_DRIFT_H
#define CTPOLICY_ENGINE_DRIFT_H

#include "engine/status.h"

/* p: every backend as a part that was read; s: its history. */
int drift_find(struct plan *p, struct status *s);
/*
 * The policy that was applied last, as it was then. -ENOENT: there was none.
 * `rq` is the plan's from then on, and is changed: how it was applied.
 */
int drift_load_policy(struct plan *p, struct request *rq,
		      const struct status *s);

#endif
