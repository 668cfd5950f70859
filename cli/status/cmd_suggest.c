/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/status/cmd_suggest.c: what would relieve the table? */
#include <errno.h>
#include <stdio.h>

#include "cli/output/progress.h"
#include "cli/output/report.h"
#include "cli/status/suggest_report.h"
#include "core/mem.h"
#include "host/conntrack/table.h"

static int read_advice(const struct options *o, struct advice *a)
{
	struct ct_table now;
	bool shows = !ct_table_now(&now) && progress_begin(now.count);
	int err = advice_read(&o->request, shows ? progress_show : NULL, a);

	if (shows)
		progress_end();
	return err;
}

static int print(const struct options *o, const struct advice *a, bool failed)
{
	const struct diag_source none = { 0 };

	if (o->json)
		return suggest_print_json(a, failed);
	if (!o->quiet || a->diags.errors)
		diags_print(&a->diags, &none, 0, 20, false, stderr);
	if (failed)
		return 0;
	if (o->yaml && a->policy)
		fputs(a->policy, stdout);
	else if (o->yaml)
		fputs("ctpolicy suggest: there is nothing to take out\n",
		      stderr);
	else
		return suggest_print_text(a);
	return 0;
}

static int run(const struct options *o)
{
	_cleanup_(advice_release) struct advice a = { 0 };
	int err;

	if (o->json && o->yaml) {
		fputs("ctpolicy suggest: only one of --json and --yaml\n",
		      stderr);
		return EXIT_USAGE;
	}
	err = read_advice(o, &a);
	if (print(o, &a, err) && !err)
		err = -ENOMEM;
	if (err && !a.diags.errors && !o->json)
		fprintf(stderr, "ctpolicy suggest: %s\n", fault_text(err));
	if (err)
		return exit_code_of(err);
	return o->yaml && !a.policy ? EXIT_DIFFERS : EXIT_DONE;
}

const struct command cmd_suggest = {
	.name = "suggest",
	.summary = "say which services would relieve the table most",
	.min_args = 0,
	.max_args = 0,
	.takes = OPT_YAML,
	.run = run,
	.help =
"Example:  ctpolicy suggest\n"
"          ctpolicy suggest --yaml >suggested.yaml && ctpolicy check suggested.yaml\n"
"\n"
"Usage: ctpolicy suggest [OPTION...]\n"
"\n"
"Lists the connection table once and prints the services, by protocol and port,\n"
"that have a hundredth of the entries or more: what taking them out of tracking\n"
"would save, whether anybody answers, and what forbids it: address translation,\n"
"a helper, or this host's own rules, which are asked as 'ctpolicy apply' asks\n"
"them. Nothing is written and no kernel module is loaded; it takes\n"
"CAP_NET_ADMIN.\n",
	.exits =
"Exit code: 0 done, 1 with --yaml: nothing may go, 69 the kernel or this build\n"
"cannot do it, 77 no permission, 64 bad command line.\n",
};
