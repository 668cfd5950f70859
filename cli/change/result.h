/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/change/result.h: how a command ended, as data, and its formats.
 *
 * Shape:  an end for each thing that the command worked on, in the order of
 *         the command line; `speaker` is the one whose word stands for all.
 *         A format is one row: it prints results to stdout, and what they are
 *         accompanied by (diagnostics, where they are no part of them) to
 *         stderr. Of JSON the keys are stable ("schema": 1).
 * Owner:  a result borrows everything.
 * Errors: show() returns -ENOMEM when a part could not be shown. What cannot
 *         be written shows when stdout is flushed at the end.
 */
#ifndef CTPOLICY_CLI_RESULT_H
#define CTPOLICY_CLI_RESULT_H

#include "engine/plan.h"
#include "policies/policy_fix.h"

/* Which steps a result shows of its plan's change. */
enum shown {
	SHOW_NOTHING,
	SHOW_PLANNED,
	SHOW_MADE,	/* where the user asked for it, and it was made */
	SHOW_RENDERED,	/* no steps: the rules as the backend's text */
};

/*
 * `word` is the JSON word: "unchanged", "changed", "would_change", "refused",
 * "rolled_back", "failed", "valid", "invalid", "rendered".
 */
struct result_end {
	const struct plan *plan;
	const char *word;
	enum shown shown;
	const struct policy_fixes *fixes;	/* NULL: not looked for */
};

/* A change that is undone unless it is confirmed. */
struct on_trial {
	uint32_t id;			/* of the change */
	uint32_t seconds;
	int64_t deadline;		/* seconds since 1970 */
};

struct result {
	const char *command;
	const struct on_trial *trial;	/* NULL: it is not */
	const struct result_end *v;
	size_t n, speaker;
	bool lists_policies;	/* an end is a policy of several */
};

/* How the user wants it shown. */
struct display {
	bool quiet, verbose;
	bool rules;		/* each of them, not only the services */
	bool color_out, color_err;
	unsigned int width;	/* of the screen, in cells */
	const char *against;	/* a file that was looked at; NULL: the host */
};

struct format {
	const char *name;
	bool talks;		/* lines of report_talk() may stand beside it */
	int (*show)(const struct result *r, const struct display *d);
};

extern const struct format format_text, format_json;

const char *result_word(const struct result *r);
bool result_changed(const struct result *r);
/* Are the host's rules shown that the change replaces? */
bool result_shows_edits(const struct result_end *e);
/* Are the host's rules shown that accept untracked packets already? */
bool result_shows_accepted(const struct result_end *e);
/* What a part comes to, with the settings beside it as comments. */
int result_render(const struct plan *p, const struct part *m, FILE *out);
/* The steps that an end shows of one part; NULL: none. */
const struct changeset *result_steps(const struct part *m, enum shown shown);
const struct item_steps *result_item_steps(const struct beside *b,
					   enum shown shown);
const struct boot_steps *result_boot_steps(const struct boot *b,
					   enum shown shown);

#endif
