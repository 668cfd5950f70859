/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/waiter.h: rolls a change back when nobody confirms it in time.
 *
 * The waiter is a process of its own, in a session of its own, that has closed
 * all files it was given: neither the end of the command nor that of its
 * terminal, its parent or its session reaches it. It is started before the
 * policy is read, and so keeps no more than the path of the state folder. It
 * holds no lock while it waits.
 *
 * It ends only when no change is on trial any more. It holds the files
 * of the trial open, and puts them back when somebody deletes them. It tries
 * again after any error, until the change is rolled back. SIGTERM
 * ends the trial: the change is rolled back at once, unless another waiter
 * looks after it.
 *
 *   waiter_prepare -> the change is on trial -> waiter_start ->
 *   the change is in force -> waiter_look_again -> waiter_dismiss
 *
 * Owner:  waiter_dismiss() closes; a process that was not started ends then,
 *         as it does when the command dies.
 * Errors: -errno and a diagnostic; then no process is left behind.
 */
#ifndef CTPOLICY_ENGINE_WAITER_H
#define CTPOLICY_ENGINE_WAITER_H

#include "engine/request.h"

struct waiter {
	int go, answer;		/* pipes; -1: none */
};

#define WAITER_NONE ((struct waiter){ -1, -1 })

enum waited {
	WAITED_KEPT,		/* nothing was on trial, or it was confirmed */
	WAITED_UNDONE,		/* not confirmed in time: undone, verified */
	WAITED_FAILED,		/* told to end, and could not undo it */
	WAITED_MAX_
};

int waiter_prepare(const char *state_dir, struct waiter *ret,
		   struct diags *d);
/*
 * As a request's detach(). Returns when the waiter has begun to wait, with the
 * power to load and unload modules only if the change does so.
 */
int waiter_start(const struct request *rq, bool modules, struct diags *d);
void waiter_dismiss(struct waiter *w);
/*
 * The note of the trial was replaced: return when the waiter holds the new one.
 * After a second at most, for a waiter whose time is over waits for our lock.
 */
void waiter_look_again(const struct waiter *w);
/*
 * Wait in this process until nothing is on trial. `command`: the ends of the
 * pipes to the command that began it, which are closed when it ends; NULL:
 * nobody asks.
 */
enum waited waiter_wait(const struct request *rq, struct waiter *command);

#endif
