/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cmd_check.c: is this policy right? */
#include <errno.h>
#include <string.h>

#include "cli/report.h"
#include "core/mem.h"
#include "engine/kernel_check.h"

static int check_one(const struct options *o, const char *file)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	int r = plan_load(&p, &o->request, file);

	if (!r && o->request.private_kernel)
		r = kernel_check(&p);
	if (r)
		return report_failure(&p, "check", r);
	plan_note_translation(&p);
	report(&p, "check", "valid", SHOW_NOTHING);
	report_talk("%s: valid, %zu services, %zu rules%s",
		    strcmp(file, "-") ? file : "standard input",
		    p.policy->n_services, p.rules->n,
		    o->request.private_kernel ? ", loaded into a private kernel namespace and read back the same" : "");
	return EXIT_DONE;
}

static int run(const struct options *o)
{
	int code = EXIT_DONE;

	for (size_t i = 0; i < o->n_args; i++) {
		int r = check_one(o, o->args[i]);

		if (r > code)
			code = r;
	}
	return code;
}

const struct command cmd_check = {
	.name = "check",
	.summary = "report every mistake in a policy (root not needed)",
	.takes = OPT_FAMILY | OPT_JSON | OPT_KERNEL | OPT_TRACE | OPT_BACKEND,
	.min_args = 1,
	.max_args = 64,
	.run = run,
	.help =
"Example:  ctpolicy check --kernel policy.yaml\n"
"\n"
"Usage: ctpolicy check [OPTION...] POLICY...\n"
"\n"
"Parses and checks each policy ('-': standard input) and reports every error.\n"
"\n"
"  --kernel            also load the rules with each backend into a private\n"
"                      network namespace, read them back and compare\n"
"  --backend NAME      with --kernel: this backend only\n"
"  --family FAMILY     ipv4 or ipv6 only\n"
"  --json              one JSON object a policy on standard output\n"
"  --trace             every kernel call on standard error\n"
"  --color=WHEN        auto, always or never\n"
"  -q, -v, --help      errors only; more detail; this text\n"
"\n"
"Exit code: 0 valid, 78 invalid, 66 no such file, 74 not readable, 69 the\n"
"kernel lacks a feature, 64 bad command line.\n",
};
