/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/policy/import_report.h: an imported policy, for people and for scripts.
 *
 * Shape:  without rules (`f` is NULL) they could not be read, and `diags` says
 *         why.
 * Owner:  borrows everything.
 * Errors: -ENOMEM when a part could not be shown; of import_print_yaml(): in
 *         the buffer.
 */
#ifndef CTPOLICY_CLI_IMPORT_REPORT_H
#define CTPOLICY_CLI_IMPORT_REPORT_H

#include "audit/import.h"
#include "core/diag.h"
#include "core/strbuf.h"

struct import_report {
	const char *source;		/* the file, "-": standard input, or "live" */
	const struct foreign *f;
	const struct import *import;
	const struct diags *diags;
};

/* Whatever it holds, in one line that any reader can show. */
void import_print_text(const char *s, struct strbuf *out);
/* "line 5, table ip raw, chain PREROUTING, rule 3" */
void import_print_place(const struct foreign *f, const struct foreign_rule *r,
			struct strbuf *out);
/* A rule's own text in one line that any reader can show. */
void import_print_rule(const struct foreign_rule *r, struct strbuf *out);
/* What a reader of the service must know, a sentence each; NULL: no more. */
const char *import_note(unsigned int notes, size_t i);
/* Its `why`: the rules that it was made of, in a line of at most 100 bytes. */
void import_print_why(const struct import_report *r,
		      const struct import_service *s, struct strbuf *out);
/* What was left over, added or changed on the way, as diagnostics. */
void import_tell(const struct import_report *r, const char *file, bool live,
		 struct diags *d);

void import_print_yaml(const struct import_report *r, struct strbuf *out);
int import_print_json(const struct import_report *r);

#endif
