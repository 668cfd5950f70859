/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/cli.h: the commands, their options, and how they end.
 *
 * Shape:  a command is one row: its name, what it takes, its help, its run.
 *         run() gets parsed options and returns the exit code.
 * Source: exit codes 64-78 as in sysexits.h.
 */
#ifndef CTPOLICY_CLI_CLI_H
#define CTPOLICY_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/request.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_DIFFERS = 1,
	EXIT_CHANGED = 2,
	EXIT_RESTORED = 10,
	EXIT_NOT_RESTORED = 11,
	EXIT_UNCONFIRMED = 12,
	EXIT_STALE = 13,
	EXIT_REFUSED = 14,
	EXIT_USAGE = 64,
	EXIT_DATA = 65,
	EXIT_NO_INPUT = 66,
	EXIT_LACKING = 69,
	EXIT_BUG = 70,
	EXIT_IO = 74,
	EXIT_BUSY = 75,
	EXIT_NO_PERMISSION = 77,
	EXIT_POLICY = 78,
};

/* Options that not every command takes, by what they mean. */
enum option_bit {
	OPT_FAMILY = 1 << 0,
	OPT_AGAINST = 1 << 1,
	OPT_DRY_RUN = 1 << 2,
	OPT_DETAILED = 1 << 3,
	OPT_KERNEL = 1 << 4,
	OPT_CONFIRM = 1 << 5,
	OPT_WAIT = 1 << 6,
	OPT_FORCE_APPLY = 1 << 7,
	OPT_REDO = 1 << 8,
	OPT_PACKET = 1 << 9,
	OPT_REWRITE = 1 << 10,
	OPT_STATUS = 1 << 11,
	OPT_MEMORY = 1 << 12,
	OPT_YAML = 1 << 13,
	OPT_FALLBACK = 1 << 14,
	OPT_ONCE = 1 << 15,
	OPT_FORCE_CONFIRM = 1 << 16,
	OPT_FAMILY_FOUND = 1 << 17,
	OPT_RULES = 1 << 18,
	OPT_FIX = 1 << 19,
	OPT_FILE = 1 << 20,
	OPT_FORMAT = 1 << 21,
	OPT_REPORT = 1 << 22,
	OPT_FORCE_DIFF = 1 << 23,
};

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	struct request request;		/* what the engine is asked for */
	const char *against;
	const char *file, *in, *out, *local, *policy;
	const char *output;
	const char *top, *by, *memory, *prometheus;
	const char *format;		/* for CI; NULL: text, or JSON */
	const char *watch;		/* seconds; "": not said; NULL: no */
	uint8_t ct_state;		/* NF_CT_STATE_BIT; 0: not said */
	enum color_mode color;
	bool json, trace, quiet, verbose, help;
	bool dry_run, detailed, wait, redo, minimal, rewrite, check, once, yaml;
	bool rules, fix, prove, svg;
	char **args;
	size_t n_args;
};

/* What stands behind a command's name and is no option. */
enum arguments {
	ARGS_NONE,
	ARGS_POLICY,
	ARGS_RULESET,
	ARGS_PACKET,
	ARGS_SHELL,
};

struct command {
	const char *name;
	const char *summary;		/* one line of `ctpolicy --help` */
	const char *help;		/* an example first, no options */
	const char *exits;		/* the end of the help; NULL: none */
	unsigned int takes;		/* OPT_*, beside the common ones */
	size_t min_args, max_args;
	enum arguments args;
	int (*run)(const struct options *o);
};

extern const struct command cmd_check, cmd_render, cmd_diff, cmd_apply,
	cmd_remove, cmd_confirm, cmd_recover, cmd_rollback, cmd_audit,
	cmd_explain, cmd_import, cmd_status, cmd_suggest, cmd_size, cmd_watch,
	cmd_schema, cmd_completion, cmd_test, cmd_report;

/* All of them, in the order of the help screen; ends with NULL. */
extern const struct command *const commands[];

/* Parse argv[0..] of a command; EXIT_DONE, or EXIT_USAGE with a message. */
int options_parse(const struct command *c, int argc, char **argv,
		  struct options *ret);

#endif
