/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/output/progress.h"

#include <stdio.h>
#include <unistd.h>

/* From so many on a listing takes long enough to show how far it is. */
#define PROGRESS_FROM 200000
#define PER_CENT 100

static uint64_t expected;

bool progress_begin(uint64_t n)
{
	expected = n;
	return n >= PROGRESS_FROM && isatty(STDERR_FILENO);
}

void progress_show(uint64_t done)
{
	if (done >= expected)
		expected = done;
	fprintf(stderr, "\rlisting entries: %.0f %%",
		(double)PER_CENT * (double)done / (double)expected);
	fflush(stderr);
}

void progress_end(void)
{
	fputs("\r                         \r", stderr);
	fflush(stderr);
}
