/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/cmd_recover.c: after an interruption, to old or to new. */
#include "cli/output/report.h"
#include "core/mem.h"
#include "engine/recovery.h"
#include "engine/waiter.h"

static void say(const struct recovery *v)
{
	static const char *const words[RECOVERED_MAX_] = {
		[RECOVERED_NEW] = "is complete: the new rules are in force, verified",
		[RECOVERED_OLD] = "has been undone: the previous rules are in force, verified",
		[RECOVERED_PAST] = "belongs to an earlier boot or namespace; none of its rules are left",
		[RECOVERED_WAITS] = "is complete and on trial: run 'ctpolicy confirm' to keep it",
	};

	const char *what = words[v->what];

	if (v->what == RECOVERED_OLD && record_is_repair(&v->record))
		what = "was putting rules back and was cut short; it has been undone, verified: run 'ctpolicy apply POLICY', or 'ctpolicy watch' again";
	/* rules of the host's that went with what stood for them */
	if (v->what == RECOVERED_OLD &&
	    diags_has(&v->plan.diags, ID_ORIGINAL_GONE))
		what = "has been undone: the previous rules are in force, except for those that could not be put back";
	if (v->what == RECOVERED_NOTHING)
		report_talk("no unfinished change");
	else if (recovery_succeeded(v))
		report_talk("change %u%s%s %s", v->record.id,
			    v->record.command ? ", " : "",
			    v->record.command ? v->record.command : "",
			    what);
	report_tracking(&v->done);
}

static const int waited[] = {
	[WAITED_KEPT] = EXIT_DONE,
	[WAITED_UNDONE] = EXIT_UNCONFIRMED,
	[WAITED_FAILED] = EXIT_NOT_RESTORED,
};
_Static_assert(ARRAY_SIZE(waited) == WAITED_MAX_, "an ending has no row");

static int run(const struct options *o)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(recovery_release) struct recovery v = {
		.plan = { .rq = &o->request }
	};
	int err;

	if (o->wait)
		return waited[waiter_wait(&o->request, NULL)];
	err = recovery_open(&o->request, &state, &v.plan.diags);
	if (!err)
		err = recovery_run(&v, &o->request, state);
	if (err)
		return report_failure(&v.plan, "recover", err);
	report(&v.plan, "recover", transaction_result(&v.done), SHOW_MADE);
	say(&v);
	return report_transaction(&v.plan, "recover", &v.done, false);
}

const struct command cmd_recover = {
	.name = "recover",
	.summary = "complete or undo an interrupted change",
	.takes = OPT_WAIT,
	.min_args = 0,
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy recover\n"
"\n"
"Usage: ctpolicy recover [OPTION...]\n"
"\n"
"Restores the rules as they were before an interrupted change, or keeps the\n"
"new ones if all of them are in place, and says which. Undoes a change that was\n"
"not confirmed in time. Does nothing when there is no unfinished change; apply,\n"
"rollback and remove start with this.\n",
	.exits =
"Exit code: 0 done or nothing to do, 11 neither old nor new rules are in place.\n",
};
