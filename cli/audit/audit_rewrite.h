/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/audit/audit_rewrite.h: a saved ruleset, its state rules replaced.
 *
 * Shape:  the ruleset goes to standard output; which rules stay, why, what is
 *         newly let through, and what it costs, to standard error. With --json
 *         one object on standard output holds all of it.
 * Owner:  what is shown borrows everything.
 */
#ifndef CTPOLICY_CLI_AUDIT_REWRITE_H
#define CTPOLICY_CLI_AUDIT_REWRITE_H

#include "audit/passed.h"
#include "cli/cli.h"
#include "core/diag.h"
#include "core/strbuf.h"

struct rewritten_hook {
	uint32_t admits, loses;		/* 1 << enum stateless_admits, _loses */
	struct passed passed;
};

struct rewritten {
	const char *source;		/* the file, or "-" */
	const struct strbuf *text;	/* NULL: there is none */
	struct rewritten_hook hooks[WALK_HOOKS];
	size_t stay;			/* rules that need tracking still */
	const struct diags *diags;
};

/* The exit code. */
int audit_rewrite(const struct options *o);
/* -ENOMEM: a part could not be shown. */
int audit_rewrite_print_json(const struct rewritten *r);

#endif
