/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cmd_audit.c: which of the host's own rules need connection tracking? */
#include <stdio.h>
#include <stdlib.h>

#include "cli/audit_report.h"
#include "cli/report.h"
#include "cli/saved_rules.h"
#include "core/fault.h"
#include "core/mem.h"

static int audit(const struct options *o, struct audit_report *a,
		 struct diags *d, struct foreign *f, struct needs *n)
{
	int err = saved_rules_read(o, o->args[0], f, d);

	a->text = f->text;
	a->len = f->len;
	if (!err)
		err = needs_count(f, n);
	if (!err) {
		a->f = f;
		a->needs = n;
	}
	return err;
}

static int run(const struct options *o)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	_cleanup_(needs_release) struct needs n = { 0 };
	_cleanup_(diags_release) struct diags d = { 0 };
	struct audit_report a = { .diags = &d, .quiet = o->quiet };
	int err;

	if (!o->n_args) {
		fputs("ctpolicy audit: name a saved ruleset ('-': standard input); see 'ctpolicy audit --help'\n",
		      stderr);
		return EXIT_USAGE;
	}
	a.source = o->args[0];
	err = f ? audit(o, &a, &d, f, &n) : -ENOMEM;
	if ((o->json ? audit_print_json : audit_print_text)(&a) && !err)
		err = -ENOMEM;
	if (err && !d.errors && !o->json)
		fprintf(stderr, "ctpolicy audit: %s\n", fault_text(err));
	if (err)
		return exit_code_of(err);
	return n.needs_ct ? EXIT_DIFFERS : EXIT_DONE;
}

const struct command cmd_audit = {
	.name = "audit",
	.summary = "list rules of a saved ruleset that need connection tracking",
	.min_args = 0,
	.max_args = 1,
	.run = run,
	.help =
"Example:  iptables-save | ctpolicy audit -\n"
"          nft list ruleset | ctpolicy audit -\n"
"\n"
"Usage: ctpolicy audit [OPTION...] FILE\n"
"\n"
"Lists every rule of a saved ruleset ('-': standard input) that needs\n"
"connection tracking, and why. FILE is what iptables-save, ip6tables-save or\n"
"'nft list ruleset' prints, or what iptables-restore or 'nft -f' takes.\n"
"\n",
	.exits =
"Exit code: 0 no rule needs it, 1 some do, 65 not a ruleset, 66 no such file,\n"
"74 not readable, 64 bad command line.\n",
};
