/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/report.h: says how a command ended, in the format asked for.
 *
 * Shape:  results go to stdout, talk to stderr.
 * Errors: what could not be shown is said on stderr, and report_conclude()
 *         has the exit code for it.
 */
#ifndef CTPOLICY_CLI_REPORT_H
#define CTPOLICY_CLI_REPORT_H

#include "cli/cli.h"
#include "cli/change/result.h"
#include "engine/transaction.h"

/* How the user wants results shown, before anything else; borrowed. */
void report_begin(const struct options *o);
void report_result(const struct result *r);
/* Of a single plan: its word, and what is shown of its change. */
void report(const struct plan *p, const char *command, const char *word,
	    enum shown shown);
/* The same for a failure (core/fault.h); returns its exit code. */
int report_failure(const struct plan *p, const char *command, int err);
/* Of a failure that no diagnostic tells of: what the system calls it. */
void report_unexplained(const struct plan *p, const char *what, int err);
/* One line of talk on stderr, unless --quiet, or the format talks itself. */
void report_talk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How many entries went and came. */
void report_tracking(const struct transaction *t);
/*
 * How a change ended: says why it failed where no diagnostic does, and returns
 * the exit code.
 */
int report_transaction(const struct plan *p, const char *command,
		       const struct transaction *t, bool detailed);
/* The exit code and the JSON word of it. */
int transaction_exit_code(const struct transaction *t, bool detailed);
const char *transaction_result(const struct transaction *t);
/* The exit code of a failure outside of a commit. */
int exit_code_of(int err);
/* The word that JSON has for a failure. */
const char *report_failure_result(int err);
/*
 * Flush stdout; the exit code of a command that would end with `code`. A
 * result that could not be written or shown whole is a failure (74) where it
 * is all that the command was run for; a change that was made is made, whatever
 * became of its list.
 */
int report_conclude(int code);

#endif
