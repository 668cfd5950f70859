/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/tune_keep.h: which settings a plan wants, and where those are kept
 * that they had before: the state folder has them for as long as ctpolicy's
 * are in force, longer than any record of a change.
 *
 * A policy wants what its section `conntrack` says. What an earlier one set,
 * and this one does not, and all of it on removal, shall be as it was before
 * ctpolicy changed it first; but what somebody else changed since is left
 * alone, which is said. Policies with `modules: unload` set nothing, and leave
 * to the modules what goes with them.
 *
 * Errors: as in state/note.h; tune_read_record(): -EINVAL with a diagnostic.
 */
#ifndef CTPOLICY_ENGINE_TUNE_KEEP_H
#define CTPOLICY_ENGINE_TUNE_KEEP_H

#include "engine/plan.h"

/* After off_aim()'s own part. `state`: NULL: there is none. */
int tune_aim(struct plan *p, struct state *state);
/* A record's part for the change from `live` to `want`. */
int tune_write_record(const struct tune *t, struct record *r);
/* Towards the state before the change of a record that has such a part. */
int tune_read_record(struct plan *p, const struct record_part *part);
/* Of an earlier boot's change only the files are left; compares again. */
int tune_leave_to_files(struct tune *t);
/* Before settings are changed: what they were. */
int tune_note(struct plan *p);
/*
 * The change was written, and its rules may have loaded what was not there to
 * be set.
 */
int tune_catch_up(struct plan *p, unsigned int *begun);
/* The change is over; done: it was made. */
void tune_settle(struct plan *p, bool done);

#endif
