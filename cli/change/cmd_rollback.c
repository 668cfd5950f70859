/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/cmd_rollback.c: back by one change, or forward again. */
#include <errno.h>

#include "cli/output/report.h"
#include "core/mem.h"
#include "engine/unsettled.h"

static int go(struct recovery *v, const struct options *o, struct state *state)
{
	const struct request *rq = &o->request;
	_cleanup_(diags_release) struct diags said = { 0 };
	enum recovered what;
	bool told;
	int err;

	v->plan = (struct plan){ .rq = rq, .state = state };
	err = recovery_before(&v->plan, &what);
	if (err)
		return err;
	told = trial_tell_end(state, what == RECOVERED_OLD, &v->plan.diags);
	/* What was just rolled back is not rolled back twice. */
	if ((what == RECOVERED_OLD || told) && !o->redo) {
		v->what = RECOVERED_OLD;
		return 0;
	}
	diags_append(&said, &v->plan.diags);
	diags_release(&v->plan.diags);
	err = o->redo ? recovery_redo(v, rq, state) :
			recovery_take_back(v, rq, state);
	diags_append(&v->plan.diags, &said);
	if (err != -ENOENT)
		return err;
	return diag_add(&v->plan.diags, DIAG_ERROR, -FAULT_INPUT,
			ID_NO_EARLIER_CHANGE, NOPOS, "%s in %s",
			o->redo ? "no rollback that can be undone is kept" :
				  "no earlier change is kept",
			state_path(state));
}

/* Rules of the host's that went with what stood for them are not back. */
static const char *in_force(const struct recovery *v)
{
	return diags_has(&v->plan.diags, ID_ORIGINAL_GONE) ?
		       "the previous rules are in force, except for those that could not be put back" :
		       "the previous rules are in force, verified";
}

static void say(const struct recovery *v, bool redo)
{
	if (!v->record.id)
		report_talk("nothing else was undone; run 'ctpolicy rollback' again to go back one more change");
	else if (v->what == RECOVERED_PAST)
		report_talk("change %u belongs to an earlier boot or namespace; none of its rules are left",
			    v->record.id);
	else if (recovery_succeeded(v) && redo)
		report_talk("%s: undid the rollback of change %u: its rules are in force again, verified",
			    change_target(&v->plan.change), v->record.of);
	else if (recovery_succeeded(v))
		report_talk("%s: rolled back change %u (%s): %s",
			    change_target(&v->plan.change), v->record.id,
			    v->record.command, in_force(v));
	else if (v->done.outcome == OUTCOME_RESTORED)
		report_talk("%s: failed; the previous rules are in force, verified",
			    change_target(&v->plan.change));
	report_tracking(&v->done);
}

static int run(const struct options *o)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(recovery_release) struct recovery v = {
		.plan = { .rq = &o->request }
	};
	int err;

	err = recovery_open(&o->request, &state, &v.plan.diags);
	if (!err)
		err = go(&v, o, state);
	if (err)
		return report_failure(&v.plan, "rollback", err);
	report(&v.plan, "rollback", transaction_result(&v.done), SHOW_MADE);
	say(&v, o->redo);
	return report_transaction(&v.plan, "rollback", &v.done, o->detailed);
}

const struct command cmd_rollback = {
	.name = "rollback",
	.summary = "restore the previous rules",
	.takes = OPT_DETAILED | OPT_REDO | OPT_RULES,
	.min_args = 0,
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy rollback\n"
"\n"
"Usage: ctpolicy rollback [OPTION...]\n"
"\n"
"Restores ctpolicy's rules as they were before the newest apply or remove and\n"
"verifies them; run it again to go back one more. Rules of others are left\n"
"alone. A change on trial is undone at once.\n",
	.exits =
"Exit code: 0 done, 10 failed and undone, 11 failed and not undone, 13 the live\n"
"rules kept changing, 14 refused, 66 there is no earlier change.\n",
};
