/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/status_watch.c: how a host stands, again and again. */
#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/status/status_report.h"
#include "core/clock.h"

#define MS 1000
#define NS 1e9

/* Who reads it has gone, or the disk is full: report_conclude() says so. */
static bool is_lost(void)
{
	return fflush(stdout) || ferror(stdout);
}

int status_watch(struct status_report *r, double interval,
		 int (*show)(struct status_report *r, struct ct_table *now,
			     void *arg),
		 void *arg)
{
	struct ct_table before = { 0 };
	uint64_t then = 0;
	int code;

	for (;;) {
		struct ct_table now = { 0 };
		uint64_t begun = clock_boot_ns();

		r->before = then ? &before : NULL;
		r->seconds = (double)(begun - then) / NS;
		code = show(r, &now, arg);
		if (code != EXIT_DONE || is_lost())
			return code;
		before = now;
		then = begun;
		clock_pause_ms((unsigned int)(interval * MS));
	}
}
