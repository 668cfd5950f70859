/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/reading.h: reading, by a backend that is told what to look for.
 *
 * Owner:  the caller's, as of the backend's snapshot(); nothing is kept.
 * Errors: as of the backend's snapshot(), or read_live(). What cannot be
 *         guessed is read without a guess.
 */
#ifndef CTPOLICY_ENGINE_READING_H
#define CTPOLICY_ENGINE_READING_H

#include "engine/plan.h"

/*
 * `known`: what is most likely there; NULL: what the plan's rules would be on a
 * host without rules, and for a plan without a policy those of the one that
 * was applied last. `wrote`: the last commit made just that.
 */
int reading_take(struct plan *p, const struct backend *b,
		 struct backend_ctx *ctx, const struct image *known,
		 bool wrote, struct snapshot *ret, struct diags *d);

/*
 * The host's rules and ctpolicy's own, by a backend without a plan: what is
 * looked for is what the newest record of the state folder (NULL: nothing)
 * asked for.
 */
int reading_live(const char *state_dir, const struct backend *b,
		 struct backend_ctx *ctx, struct foreign *f, struct diags *d);

#endif
