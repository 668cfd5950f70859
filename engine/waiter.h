/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/waiter.h: takes a change back when nobody confirms it in time.
 *
 * The waiter is a process of its own, in a session of its own, that has closed
 * all files it was given: neither the end of the command nor that of its
 * terminal, its parent or its session reaches it. It holds no lock while it
 * waits, and ends without a word when the change is confirmed.
 *
 * Units:  the deadline is CLOCK_BOOTTIME, which goes on while the machine
 *         sleeps and which nobody can set.
 * Errors: -errno; then no process is left behind. waiter_start() returns only
 *         when the waiter stands on its own feet.
 */
#ifndef CTPOLICY_ENGINE_WAITER_H
#define CTPOLICY_ENGINE_WAITER_H

#include <stdint.h>

#include "cli/cli.h"
#include "core/diag.h"

int waiter_start(const struct options *o, struct diags *d);
/*
 * Wait in this process until there is nothing to wait for. Returns the exit
 * code: 0, nothing was pending or it was confirmed; 12, taken back and
 * verified; 11, that failed.
 */
int waiter_wait(const struct options *o);
/* From now, in seconds, as CLOCK_BOOTTIME in nanoseconds. */
uint64_t waiter_deadline(uint32_t seconds);

#endif
