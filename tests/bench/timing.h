/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/bench/timing.h: what bursts of packets took, in nanoseconds. */
#ifndef CTPOLICY_TESTS_BENCH_TIMING_H
#define CTPOLICY_TESTS_BENCH_TIMING_H

#include <stdlib.h>
#include <time.h>

#define BURST 32
#define SAMPLES 4096
#define ROUNDS_MAX 1000

static inline double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static inline double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n ? v[n / 2] : 0;
}

/* What others on the machine do makes it more, never less. */
static inline double undisturbed(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n ? v[n / 8] : 0;
}

#endif
