/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/policy/cmd_import.c: the policy that a host's NOTRACK rules mean. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/policy/import_report.h"
#include "cli/output/report.h"
#include "cli/saved_rules.h"
#include "core/fault.h"
#include "core/mem.h"
#include "engine/live_rules.h"
#include "host/host.h"

static uint8_t families_of(uint8_t family)
{
	return family == AF_INET ? BOX_IPV4 :
	       family == AF_INET6 ? BOX_IPV6 : BOX_IPV4 | BOX_IPV6;
}

static int import(const struct options *o, struct foreign *f,
		  struct import *im, struct import_report *r, struct diags *d)
{
	const bool live = !o->n_args;
	const struct import_request rq = {
		.forwards = !live ? TRUTH_MAYBE :
			    host_forwards() ? TRUTH_YES : TRUTH_NO,
		.families = families_of(o->request.family),
		.with_own = !live,
	};
	int err = live ? live_rules_read(o->request.backend, NULL, false, f,
					 d) :
			 saved_rules_read(o, o->args[0], f, d);

	if (!err)
		err = import_make(f, &rq, im);
	if (err)
		return err;
	r->f = f;
	r->import = im;
	import_tell(r, r->source, live, d);
	return d->lost ? -ENOMEM : 0;
}

static bool is_nothing(const struct import *im)
{
	return !im->n && !im->n_left && !im->cut;
}

/* Comments alone would look like a policy, and be none. */
static int print_nothing(const struct import_report *r, bool live)
{
	const char *none = !live ? "no NOTRACK rules in " : r->import->own ?
		"no NOTRACK rules on this host but ctpolicy's" :
		"no NOTRACK rules on this host";
	_cleanup_(strbuf_release) struct strbuf source = { 0 };

	import_print_text(strcmp(r->source, "-") ? r->source :
						   "standard input", &source);
	if (strbuf_status(&source))
		return -ENOMEM;
	fprintf(stderr, "ctpolicy import: %s%s: there is no policy to write\n",
		none, live ? "" : strbuf_str(&source));
	return 0;
}

static int print_policy(const struct import_report *r)
{
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	import_print_yaml(r, &text);
	if (strbuf_status(&text))
		return -ENOMEM;
	fputs(strbuf_str(&text), stdout);
	return 0;
}

static int print(const struct options *o, const struct import_report *r,
		 const struct foreign *f)
{
	const struct diag_source src = { r->source, f ? f->text : NULL,
					 f ? f->len : 0 };

	if (o->json)
		return import_print_json(r);
	if (!o->quiet || r->diags->errors)
		diags_print(r->diags, &src, src.text ? 1 : 0, 20, false,
			    stderr);
	if (!r->f || (is_nothing(r->import) && o->quiet))
		return 0;
	return is_nothing(r->import) ? print_nothing(r, !o->n_args) :
				       print_policy(r);
}

static int run(const struct options *o)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	_cleanup_(import_release) struct import im = { 0 };
	_cleanup_(diags_release) struct diags d = { 0 };
	struct import_report r = {
		.source = o->n_args ? o->args[0] : "live", .diags = &d,
	};
	int err;

	if (f) {
		f->wants_terms = true;
		f->without_own = !o->n_args;
	}
	err = f ? import(o, f, &im, &r, &d) : -ENOMEM;
	if (err)
		r.f = NULL;
	if (print(o, &r, f) && !err)
		err = -ENOMEM;
	if (err && !d.errors && !o->json)
		fprintf(stderr, "ctpolicy import: %s\n", fault_text(err));
	if (err)
		return exit_code_of(err);
	return im.n_left || im.cut ? EXIT_DIFFERS : EXIT_DONE;
}

const struct command cmd_import = {
	.name = "import",
	.summary = "write the policy that existing NOTRACK rules mean",
	.takes = OPT_FAMILY_FOUND,
	.min_args = 0,
	.max_args = 1,
	.args = ARGS_RULESET,
	.run = run,
	.help =
"Example:  ctpolicy import > policy.yaml && ctpolicy check policy.yaml\n"
"          iptables-save | ctpolicy import -\n"
"          nft list ruleset | ctpolicy import -\n"
"\n"
"Usage: ctpolicy import [OPTION...] [FILE]\n"
"\n"
"Prints the policy that NOTRACK rules mean, as YAML. Without FILE it reads this\n"
"host's live rules, those of ctpolicy left out; that takes CAP_NET_ADMIN. FILE\n"
"('-': standard input) is what iptables-save, ip6tables-save or 'nft list\n"
"ruleset' prints, or what iptables-restore or 'nft -f' takes. A direction that\n"
"was missing is added. A rule that no policy can express is a comment with the\n"
"reason; without NOTRACK rules, no policy is printed. Nothing is changed;\n"
"when the policy is in force, remove those rules.\n",
	.exits =
"Exit code: 0 done, 1 some rules have no equivalent, 65 not a ruleset, 66 no such\n"
"file, 69 the kernel or this build cannot do it, 74 not readable, 77 no\n"
"permission, 64 bad command line.\n",
};
