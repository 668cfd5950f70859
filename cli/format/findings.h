/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/format/findings.h: what a command found, as tools take it that know
 * nothing of ctpolicy: code scanning, reports of tests, comments.
 *
 * Shape:  findings in the order in which they were found. Cases are what was
 *         looked at, good or bad, each of them once; those of one suite stand
 *         one behind the other. A finding without a file is about the host.
 * Owner:  findings_release(); places, lines, fixes and what findings_say()
 *         has not made are borrowed.
 * Errors: `lost`: there was no memory for something; a format says so by
 *         returning -ENOMEM.
 */
#ifndef CTPOLICY_CLI_FORMAT_FINDINGS_H
#define CTPOLICY_CLI_FORMAT_FINDINGS_H

#include "core/arena.h"
#include "core/diag.h"
#include "core/lines.h"
#include "policies/policy_fix.h"

struct finding {
	enum diag_level level;
	enum diag_id id;
	struct srcpos at, related;
	const char *msg;
	const char *related_msg, *help;	/* NULL: none */
	struct lines_part line;		/* all of it; n 0: not known */
	const struct policy_fix *fix;	/* NULL: none */
};

enum case_end { CASE_PASSED, CASE_FAILED, CASE_SKIPPED, CASE_ERROR,
		CASE_END_MAX_ };

struct tried_case {
	const char *suite, *name;
	struct srcpos at;
	enum case_end end;
	const char *why;		/* in a line; NULL: it passed */
	const char *details;		/* lines; NULL: none */
	uint64_t ns;			/* that it took; 0: not told */
};

struct findings {
	const char *command;
	bool failed;		/* the command: it could not look */
	bool lost;
	struct finding *v;
	size_t n, cap;
	size_t of_level[DIAG_LEVEL_MAX_];
	struct tried_case *cases;
	size_t n_cases, cap_cases;
	size_t of_end[CASE_END_MAX_];
	struct arena texts;
};

void findings_add(struct findings *f, const struct finding *x);
/* What was said; `file` (NULL: none) stands in for no file. */
void findings_add_diags(struct findings *f, const struct diags *d,
			const struct diag_source *src, size_t n_src,
			const char *file, const struct policy_fixes *fixes);
void findings_add_case(struct findings *f, const struct tried_case *x);
/* A text of the findings' own; "" without memory. */
const char *findings_say(struct findings *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * "3:5: error: ... [CT020]", a line for each error of the diagnostics, behind
 * its path where that is not `own` (NULL: none is).
 */
const char *findings_errors(struct findings *f, const struct diags *d,
			    const char *own);
void findings_release(struct findings *f);

/* A way to show them on standard output. */
struct ci_format {
	const char *name;		/* as --format has it */
	int (*print)(const struct findings *f);
};

extern const struct ci_format ci_sarif, ci_github, ci_junit, ci_codeclimate,
	ci_markdown;
/* NULL: text, or JSON, which are not made of findings. */
const struct ci_format *ci_format_find(const char *name);
int ci_format_print(const char *name, const struct findings *f);

#endif
