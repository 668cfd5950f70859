/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/watch_pace.h"

#include <string.h>

#include "core/clock.h"

#define MS 1000000ULL
/*
 * Tried so often in so long, the next time has to wait, up to so long. What
 * is found by the look of every minute alone cannot be as fast.
 */
#define WINDOW_MS 60000
#define SELDOM_WINDOW_MS 240000
#define PAUSE_MAX_MS 600000
/* Those of a script that writes for so long count as one, but not more. */
#define SCRIPT_MS 5000
#define IN_A_ROW_MAX 3

static bool is_of_same_reload(const struct watch_pace *p, uint64_t now)
{
	return p->last && now - p->last < SCRIPT_MS * MS &&
	       p->in_a_row < IN_A_ROW_MAX;
}

/* One that was put back once is put back whole, whatever comes then. */
bool watch_pace_may_try(const struct watch_pace *p)
{
	uint64_t now = clock_boot_ns();

	return now >= p->rests_until || is_of_same_reload(p, now);
}

static void begin_pause(struct watch_pace *p, uint64_t now)
{
	p->pause = p->pause ? 2 * p->pause : WINDOW_MS * MS;
	if (p->pause > PAUSE_MAX_MS * MS)
		p->pause = PAUSE_MAX_MS * MS;
	p->rests_until = now + p->pause;
	p->n = 0;
}

void watch_pace_note(struct watch_pace *p, bool failed, bool seldom)
{
	uint64_t window = (seldom ? SELDOM_WINDOW_MS : WINDOW_MS) * MS;
	uint64_t now = clock_boot_ns(), oldest;
	bool same = is_of_same_reload(p, now);

	p->failing = failed;
	p->last = now;
	p->in_a_row = same ? p->in_a_row + 1 : 0;
	if (same)
		return;
	memmove(p->tries + 1, p->tries,
		(WATCH_PACE_MAX - 1) * sizeof(*p->tries));
	p->tries[0] = now;
	p->n += p->n < WATCH_PACE_MAX;
	oldest = p->tries[p->n - 1];
	if (p->n == WATCH_PACE_MAX && now - oldest <= window)
		begin_pause(p, now);
	else if (now - oldest > PAUSE_MAX_MS * MS)
		p->pause = 0;
}
