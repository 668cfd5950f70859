/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/clock.h"

#include <time.h>

#define SECOND 1000000000ULL

static uint64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_worked_ns(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t clock_deadline(uint32_t seconds)
{
	return clock_boot_ns() + seconds * SECOND;
}

void clock_pause_ms(unsigned int ms)
{
	const struct timespec pause = {
		.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000,
	};

	nanosleep(&pause, NULL);
}
