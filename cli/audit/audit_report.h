/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/audit/audit_report.h: what an audit found, for people and for scripts.
 *
 * Shape:  without rules (`f` is NULL) the ruleset could not be read, and
 *         `diags` says why.
 * Owner:  borrows everything.
 * Errors: -ENOMEM when a part could not be shown.
 */
#ifndef CTPOLICY_CLI_AUDIT_REPORT_H
#define CTPOLICY_CLI_AUDIT_REPORT_H

#include "audit/keepers.h"
#include "audit/needs.h"
#include "audit/notrack.h"
#include "backends/backend.h"
#include "cli/format/findings.h"
#include "core/diag.h"

struct audit_report {
	const char *source;		/* the file, "-": standard input, or "live" */
	const char *text;		/* NULL: could not be read */
	size_t len;
	const struct foreign *f;
	const struct needs *needs;
	const struct keepers *keepers;	/* NULL: of a file */
	size_t entries;			/* in the table; of a live audit */
	const struct flaws *flaws;	/* of NOTRACK rules */
	/* Of a file: what could replace its state rules, and who prints it. */
	const struct stateless *stateless;
	const struct backend *backend;
	const struct diags *diags;
	bool quiet;
};

/* Of a rule in `jump { }`, the chain around it. */
const char *audit_chain_name(const struct foreign *f,
			     const struct foreign_rule *r);
/* On stdout, of at most so many bytes, on one line. */
void audit_print_rule(const struct foreign_text *raw, size_t max);
/* The lines that would replace a rule, and all that its edits say. */
struct audit_replacement {
	struct strbuf rules;
	enum stateless_class kind;
	uint32_t admits, loses;
	const char *why;
};
/* False: nothing is known of one. */
bool audit_replacement_find(const struct audit_report *a,
			    const struct foreign_rule *r,
			    struct audit_replacement *ret);
int audit_print_text(const struct audit_report *a);
int audit_print_json(const struct audit_report *a);
/* Findings for CI; what they borrow is the report's. */
void audit_findings(const struct audit_report *a, struct findings *f);

#endif
