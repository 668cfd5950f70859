/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/unsettled.h: what is not over yet, or has just ended, and should be
 * known to whoever looks at the rules.
 *
 * Errors: -ENOMEM. A state folder that cannot be read is a note, no error.
 */
#ifndef CTPOLICY_ENGINE_UNSETTLED_H
#define CTPOLICY_ENGINE_UNSETTLED_H

#include "engine/recovery.h"

/*
 * For commands that change nothing: a change on trial or an unfinished one is
 * a warning.
 */
int unsettled_note(const struct request *rq, struct diags *d);
/* A change on trial, with the time that is left, at a level of the caller's. */
void trial_say(const struct waiting *w, enum diag_level level,
	       struct diags *d);
/*
 * Did the last trial end without a confirmation, and nobody has been told so
 * far? Told by this, once; `is_told`: by another message of this command.
 */
bool trial_tell_end(struct state *state, bool is_told, struct diags *d);

#endif
