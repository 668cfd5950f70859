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
/* Until it is rolled back; 0: its time is up. */
uint64_t trial_seconds_left(const struct waiting *w);
/* A change on trial, with the time that is left, at a level of the caller's. */
void trial_say(const struct waiting *w, enum diag_level level,
	       struct diags *d);
/*
 * The change whose trial ended last, without a confirmation; given once.
 * -ENOENT: there is none, or it was given before.
 */
int trial_take_end(struct state *state, struct ending_note *ret,
		   struct diags *d);
/* As the end of a sentence about it. */
const char *trial_end_words(enum ending e);
/*
 * The same as a warning; `is_told`: another message of this command is about
 * it. False: nothing to tell, since who rolled it back knows.
 */
bool trial_tell_end(struct state *state, bool is_told, struct diags *d);

#endif
