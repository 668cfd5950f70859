/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/audit/cmd_audit.c: which of the host's rules need tracking? */
#include <stdio.h>
#include <stdlib.h>

#include "audit/replace.h"
#include "cli/audit/audit_report.h"
#include "cli/audit/audit_rewrite.h"
#include "cli/output/report.h"
#include "cli/saved_rules.h"
#include "core/fault.h"
#include "core/mem.h"
#include "engine/boot_find.h"
#include "engine/boot_timers.h"
#include "engine/live_rules.h"
#include "host/host.h"

struct found {
	struct needs needs;
	struct keepers keepers;
	struct flaws flaws;
	struct arena arena;
	struct stateless stateless;
};

static void found_release(struct found *x)
{
	needs_release(&x->needs);
	flaws_release(&x->flaws);
	stateless_release(&x->stateless);
	arena_release(&x->arena);
}

static int look_at_files(struct diags *d)
{
	_cleanup_(boot_finds_release) struct boot_finds found = { 0 };
	int err = boot_find(&found);

	boot_say(&found, BOOT_AUDITS, d);
	return err ? err : boot_timers_say(d);
}

static int read_live(const struct options *o, struct foreign *f,
		     struct keepers *k, struct audit_report *a,
		     struct diags *d)
{
	int err = live_rules_read(o->request.backend, o->request.state_dir,
				  false, f, d);

	if (err)
		return err;
	keepers_find(f, k);
	a->keepers = k;
	err = look_at_files(d);
	/* no table, or one that cannot be asked */
	if (host_conntrack_count(&a->entries))
		a->entries = 0;
	return err;
}

/* Each for itself, whatever else keeps tracking on. */
static int read_file(const struct options *o, struct foreign *f,
		     struct found *x, struct audit_report *a, struct diags *d)
{
	struct replace_how how = { .force = true };
	int err = saved_rules_read_as(o, o->args[0], f, &a->backend, d);

	if (err || !a->backend->print_edit)
		return err;
	how.text = a->backend->text_of;
	how.words = a->backend->words;
	err = replace_find(&x->arena, f, &how, &x->stateless);
	if (!err)
		a->stateless = &x->stateless;
	return err;
}

static int audit(const struct options *o, struct audit_report *a,
		 struct diags *d, struct foreign *f, struct found *x)
{
	int err = o->n_args ? read_file(o, f, x, a, d) :
			      read_live(o, f, &x->keepers, a, d);

	a->text = f->text;
	a->len = f->len;
	if (!err)
		err = needs_count(f, &x->needs);
	if (!err)
		err = o->n_args ? notrack_judge(f, false, NULL, &x->flaws, d) :
				  live_rules_judge(f, &x->flaws, d);
	if (!err) {
		a->f = f;
		a->needs = &x->needs;
		a->flaws = &x->flaws;
	}
	return err;
}

static int show(const struct options *o, const struct audit_report *a)
{
	_cleanup_(findings_release) struct findings f = { 0 };

	if (!o->format)
		return o->json ? audit_print_json(a) : audit_print_text(a);
	audit_findings(a, &f);
	return ci_format_print(o->format, &f);
}

/* Options that do not go together, in words; NULL: they do. */
static const char *misuse(const struct options *o)
{
	return o->rewrite	   ? o->format ? "--rewrite prints text or JSON" :
						 "--rewrite needs a FILE" :
	       o->request.force	   ? "--force goes with --rewrite" :
	       o->request.family && !o->n_args ? "--family needs a FILE" : NULL;
}

static int run(const struct options *o)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	_cleanup_(found_release) struct found x = { 0 };
	_cleanup_(diags_release) struct diags d = { 0 };
	struct audit_report a = { .diags = &d, .quiet = o->quiet };
	int err;

	if (o->rewrite && o->n_args && !o->format)
		return audit_rewrite(o);
	if (misuse(o)) {
		fprintf(stderr, "ctpolicy audit: %s\n", misuse(o));
		return EXIT_USAGE;
	}
	a.source = o->n_args ? o->args[0] : "live";
	if (f)
		f->wants_terms = true;
	err = f ? audit(o, &a, &d, f, &x) : -ENOMEM;
	if (show(o, &a) && !err)
		err = -ENOMEM;
	if (err && !d.errors && !o->json && !o->format)
		fprintf(stderr, "ctpolicy audit: %s\n", fault_text(err));
	if (err)
		return exit_code_of(err);
	return x.needs.needs_ct || x.flaws.n ? EXIT_DIFFERS : EXIT_DONE;
}

const struct command cmd_audit = {
	.name = "audit",
	.summary = "list what needs connection tracking, and faulty NOTRACK rules",
	.min_args = 0,
	.max_args = 1,
	.args = ARGS_RULESET,
	.takes = OPT_REWRITE | OPT_FORMAT,
	.run = run,
	.help =
"Example:  ctpolicy audit\n"
"          iptables-save | ctpolicy audit -\n"
"          nft list ruleset | ctpolicy audit -\n"
"          ctpolicy audit rules.v4 --rewrite >rules.v4.new\n"
"\n"
"Usage: ctpolicy audit [OPTION...] [FILE]\n"
"\n"
"Lists every rule that needs connection tracking, and why, and what is wrong\n"
"with NOTRACK rules that are there already. Without FILE it reads\n"
"this host's live rules, legacy iptables and nftables together, and says first\n"
"what keeps tracking on; that takes CAP_NET_ADMIN. FILE ('-': standard input) is\n"
"what iptables-save, ip6tables-save or 'nft list ruleset' prints, or what\n"
"iptables-restore or 'nft -f' takes.\n",
	.exits =
"Exit code: 0 nothing found, 1 something was, 65 not a ruleset, 66 no such file,\n"
"69 the kernel or this build cannot do it, 74 not readable, 77 no permission,\n"
"64 bad command line.\n",
};
