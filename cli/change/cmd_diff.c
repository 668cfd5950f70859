/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/cmd_diff.c: what apply would change. */
#include <string.h>

#include "cli/output/report.h"
#include "core/mem.h"
#include "engine/live_diff.h"
#include "engine/saved.h"

static int diff_live(struct plan *p)
{
	int err = live_diff(p);

	/* once it was chosen, whatever is refused then */
	if (p->why && p->change.n && (!err || p->change.v[0].want))
		report_talk("using %s: %s",
			    p->change.v[0].backend->name, p->why);
	return err;
}

static int run(const struct options *o)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	bool same;
	int err;

	if (o->n_args && o->against && !strcmp(o->against, "-") &&
	    !strcmp(o->args[0], "-")) {
		fputs("ctpolicy diff: only one of POLICY and --against can be '-'\n",
		      stderr);
		return EXIT_USAGE;
	}
	err = plan_load(&p, &o->request, o->args[0]);
	if (!err)
		err = o->against ? saved_compare(&p, o->against) :
				   diff_live(&p);
	if (err)
		return report_failure(&p, "diff", err);
	if (o->against && p.rules->n_sysctls)
		report_talk("sizes and timeouts are not compared with a file");
	same = change_is_empty(&p.change);
	report(&p, "diff", same ? "unchanged" : "would_change", SHOW_PLANNED);
	return same ? EXIT_DONE : EXIT_DIFFERS;
}

const struct command cmd_diff = {
	.name = "diff",
	.summary = "show what apply would change, live or against a saved file",
	.takes = OPT_FAMILY | OPT_AGAINST | OPT_FORCE_DIFF | OPT_RULES |
		 OPT_FORMAT,
	.min_args = 0,
	.max_args = 1,
	.args = ARGS_POLICY,
	.run = run,
	.help =
"Example:  ctpolicy diff policy.yaml\n"
"          ctpolicy diff policy.yaml --against saved-ruleset.nft\n"
"\n"
"Usage: ctpolicy diff [OPTION...] [POLICY]\n"
"\n"
"Shows each service that changes ('+' added, '~' changed, '-' removed): what\n"
"would leave tracking, and where among this host's rules it would be accepted.\n",
	.exits =
"Exit code: 0 no difference, 1 differs, 10 and up: failed (65: FILE is not\n"
"a ruleset).\n",
};
