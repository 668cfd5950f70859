/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/report.h: the only printer of results, as text or as one JSON object.
 *
 * Shape:  results go to stdout, talk to stderr. Of JSON the keys are stable
 *         ("schema": 1); of text nothing is.
 * Errors: what cannot be written shows when stdout is flushed at the end; what
 *         there was no memory for is said on stderr, and report_is_whole()
 *         tells.
 */
#ifndef CTPOLICY_CLI_REPORT_H
#define CTPOLICY_CLI_REPORT_H

#include "cli/cli.h"
#include "engine/transaction.h"

/* Which steps a result shows of its plan's change. */
enum shown {
	SHOW_NOTHING,
	SHOW_PLANNED,
	SHOW_MADE,	/* where the user asked for it, and it was made */
};

const struct changeset *report_steps(const struct part *m, enum shown shown);

/*
 * Say how a command ended. `result` is the JSON word ("unchanged", "changed",
 * "would_change", "refused", "rolled_back", "failed", "valid", "invalid",
 * "differs"...). Prints diagnostics, steps and summary.
 */
void report(const struct plan *p, const char *command, const char *result,
	    enum shown shown);
/* The same for a failure that is -errno; returns its exit code. */
int report_failure(const struct plan *p, const char *command, int err);
/* One line of talk on stderr, unless --quiet or --json. */
void report_talk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How many entries went and came. */
void report_tracking(const struct transaction *t);
/* The exit code and the JSON word of how a change ended. */
int transaction_exit_code(const struct transaction *t, bool detailed);
const char *transaction_result(const struct transaction *t);
/* The exit code that stands for -errno `err` outside of a commit. */
int exit_code_of(int err);
/* How the user wants results shown, before anything else; borrowed. */
void report_begin(const struct options *o);

/*
 * Did all results get out? False only where they are all that the command was
 * run for: a change that was made is made, whatever became of its list.
 */
bool report_is_whole(void);
/* There was no memory to show a part of this result. */
void report_lost(const char *result);

/* The word that JSON has for -errno. */
const char *report_failure_result(int err);

/* report_json.c: what report() says, as one object. */
void report_json(const struct plan *p, const char *command, const char *result,
		 enum shown shown);

#endif
