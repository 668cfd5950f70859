/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cmd_remove.c: take out everything that is ours. */
#include <errno.h>
#include <string.h>

#include "cli/report.h"
#include "cli/transaction.h"
#include "core/mem.h"

/* One backend; EXIT_DONE also when it has nothing of ours. */
static int remove_from(const struct options *o, const struct backend *b,
		       bool named)
{
	_cleanup_(plan_release) struct plan p = { .o = o, .backend = b };
	struct transaction t;
	int r = b->open(&p.ctx, &p.diags);

	if (!r)
		r = plan_compare(&p);
	/* A backend that the kernel lacks cannot hold anything of ours. */
	if (r == -EOPNOTSUPP && !named)
		return EXIT_DONE;
	if (r)
		return report_failure(&p, "remove", r);
	if (o->dry_run) {
		bool same = changeset_is_empty(p.changes);

		report(&p, "remove", same ? "unchanged" : "would_change",
		       p.changes);
		return same || !o->detailed ? EXIT_DONE : EXIT_CHANGED;
	}
	transact(&p, &t);
	report(&p, "remove", transaction_result(&t), NULL);
	if (t.outcome == OUTCOME_CHANGED)
		report_talk(&p, "%s: everything of ours is gone", b->name);
	else if (t.outcome == OUTCOME_UNCHANGED)
		report_talk(&p, "%s: nothing of ours was there", b->name);
	else if (t.outcome == OUTCOME_RESTORED)
		report_talk(&p, "%s: failed; the rules are as before, verified",
			    b->name);
	return transaction_exit_code(&t, o->detailed);
}

static int run(const struct options *o)
{
	bool named = o->backend && strcmp(o->backend, "auto");
	int code = EXIT_DONE;
	bool found = false;

	report_start_trace(o);
	for (size_t i = 0; backends[i]; i++) {
		int r;

		if (named && strcmp(o->backend, backends[i]->name))
			continue;
		found = true;
		r = remove_from(o, backends[i], named);
		if (r > code)
			code = r;
	}
	if (found)
		return code;
	fprintf(stderr, "ctpolicy remove: no backend '%s' in this build\n",
		o->backend ? o->backend : "auto");
	return EXIT_USAGE;
}

const struct command cmd_remove = {
	.name = "remove",
	.summary = "take out everything that is ours",
	.takes = OPT_BACKEND | OPT_JSON | OPT_TRACE | OPT_DRY_RUN | OPT_DETAILED,
	.min_args = 0,
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy remove\n"
"\n"
"Usage: ctpolicy remove [OPTION...]\n"
"\n"
"Takes out every table, chain, rule and set of ctpolicy, NOTRACK before the\n"
"accepts. Nothing else is touched.\n"
"\n"
"  --dry-run            show what would go and change nothing\n"
"  --detailed-exitcode  exit 2 when something changed (or would)\n"
"  --backend NAME       only this one (default: all)\n"
"  --json               one JSON object a backend on standard output\n"
"  --trace              every kernel call on standard error\n"
"  --color=WHEN         auto, always or never\n"
"  -q, -v, --help       quiet, verbose, this text\n",
};
