/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/waiter.h: takes a change back when nobody confirms it in time.
 *
 * The waiter is a process of its own, in a session of its own, that has closed
 * all files it was given: neither the end of the command nor that of its
 * terminal, its parent or its session reaches it. It holds no lock while it
 * waits, and ends without a word when the change is confirmed.
 *
 * Errors: -errno; then no process is left behind. waiter_start() returns only
 *         when the waiter stands on its own feet.
 */
#ifndef CTPOLICY_ENGINE_WAITER_H
#define CTPOLICY_ENGINE_WAITER_H

#include "engine/request.h"

enum waited {
	WAITED_KEPT,		/* nothing was pending, or it was confirmed */
	WAITED_UNDONE,		/* not confirmed in time: undone, verified */
	WAITED_FAILED,		/* nor could it be undone */
	WAITED_MAX_
};

/* As a request's detach(). */
int waiter_start(const struct request *rq, struct diags *d);
/*
 * Wait in this process until there is nothing to wait for.
 */
enum waited waiter_wait(const struct request *rq);

#endif
