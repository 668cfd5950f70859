/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/proof/cmd_test.c: does a policy do what it says, to real packets? */
#include "cli/output/report.h"
#include "cli/proof/test_report.h"
#include "core/mem.h"

static int show_findings(const struct prove *x, const char *format, int err)
{
	_cleanup_(findings_release) struct findings f = { 0 };

	test_findings(x, err, &f);
	return ci_format_print(format, &f);
}

static void show_text(const struct prove *x, const struct options *o, int err)
{
	if (!err && !o->quiet)
		test_print_text(x);
	report(&x->plan, "test", test_word(x, err), SHOW_NOTHING);
	if (err)
		report_unexplained(&x->plan, "test", err);
}

static int run(const struct options *o)
{
	_cleanup_(prove_release) struct prove x = { 0 };
	int err = prove_policy(&x, &o->request, o->args[0], o->file);

	int lost = 0;

	if (o->json)
		lost = test_print_json(&x, err);
	else if (o->format)
		lost = show_findings(&x, o->format, err);
	else
		show_text(&x, o, err);
	err = err ? err : lost;
	if (err)
		return exit_code_of(err);
	return prove_holds(&x) ? EXIT_DONE : EXIT_DIFFERS;
}

const struct command cmd_test = {
	.name = "test",
	.summary = "try a policy with real packets in a private copy of this host",
	.takes = OPT_FAMILY | OPT_FILE | OPT_FORMAT,
	.min_args = 0,
	.max_args = 1,
	.args = ARGS_POLICY,
	.run = run,
	.help =
"Example:  ctpolicy test policy.yaml\n"
"\n"
"Usage: ctpolicy test [OPTION...] [POLICY]\n"
"\n"
"Makes connections of every service in a network namespace of its own, which\n"
"gets this host's addresses and a copy of its rules (only root can read\n"
"these; others try the policy alone), and the policy's rules on top. The kernel\n"
"says of each packet whether it is tracked and arrives. Then come the packets\n"
"of the policy's section `tests`. The host itself is not touched.\n",
	.exits =
"Exit code: 0 every leg is untracked and arrives, and every test is as expected,\n"
"1 otherwise, 14 apply would refuse the policy, 69 no namespace or no whole copy,\n"
"65 not a ruleset, 78 policy invalid, 66 no such file, 64 bad command line.\n",
};
