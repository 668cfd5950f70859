/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/watch_pace.h: how often a watcher puts rules back, or tries to.
 *
 * Whoever keeps on removing the rules has a reason, or is broken; and a repair
 * that fails writes rules, too, and takes them out. After three of either the
 * next one waits, longer and longer. Attempts that follow each other within
 * seconds count as one: a script that takes seconds, or a reload of several
 * transactions, removes what was put back while it ran. But not more than a
 * few of them.
 *
 * Units:  nanoseconds of clock_boot_ns().
 */
#ifndef CTPOLICY_ENGINE_WATCH_PACE_H
#define CTPOLICY_ENGINE_WATCH_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WATCH_PACE_MAX 3

struct watch_pace {
	uint64_t tries[WATCH_PACE_MAX];	/* when, the newest first */
	size_t n;
	uint64_t last;
	unsigned int in_a_row;		/* of one reload's */
	uint64_t pause, rests_until;	/* 0: does not */
	bool failing;			/* the last one failed */
};

bool watch_pace_may_try(const struct watch_pace *p);
/* `seldom`: what led to it is found by the look of every minute alone. */
void watch_pace_note(struct watch_pace *p, bool failed, bool seldom);

#endif
