/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/tune_want.h: the settings that a plan wants: its policy's, those of
 * an earlier one as they were, and the files for them.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_TUNE_WANT_H
#define CTPOLICY_ENGINE_TUNE_WANT_H

#include "engine/plan.h"

/*
 * Fills `want` by the policy, `was` and `ours`, of which goes what is no longer
 * ctpolicy's. Modules that come back shall come with these settings.
 */
int tune_find_wanted(struct plan *p);

#endif
