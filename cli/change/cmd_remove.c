/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/cmd_remove.c: remove all ctpolicy rules. */
#include "cli/output/report.h"
#include "core/mem.h"
#include "engine/off_aim.h"
#include "engine/recovery.h"
#include "engine/transaction.h"
#include "engine/unsettled.h"
#include "engine/worlds.h"

static void say(const struct plan *p, const struct transaction *t)
{
	static const char *const words[OUTCOME_MAX_] = {
		[OUTCOME_UNCHANGED] = "no ctpolicy rules found",
		[OUTCOME_CHANGED] = "removed all ctpolicy rules",
		[OUTCOME_STALE] = "the live rules kept changing; nothing was removed",
		[OUTCOME_NOT_RECORDED] = "failed; the previous rules are in force, verified",
		[OUTCOME_RESTORED] = "failed; the previous rules are in force, verified",
	};
	const char *name = plan_backend_name(p);
	bool sets = t->outcome == OUTCOME_CHANGED && p->change.tune.at.want.n;

	if (words[t->outcome])
		report_talk("%s%s%s%s", name ? name : "", name ? ": " : "",
			    words[t->outcome],
			    sets ? ", and put its settings back" : "");
	report_tracking(t);
}

/*
 * What was interrupted is finished or undone first, so that a rollback of this
 * leads to whole rules. Where that fails, everything goes nevertheless.
 */
static int settle_past(struct plan *p, struct state **ret, bool *ret_waits)
{
	enum recovered what = RECOVERED_NOTHING;
	int err = recovery_open(p->rq, ret, &p->diags);

	if (err)
		return err;
	p->state = *ret;
	err = recovery_before(p, &what);
	/* Its rules cannot be seen here: its undo data must stay. */
	if (diags_has(&p->diags, ID_BACKEND_NOT_BUILT))
		return err;
	if (err) {
		diags_truncate(&p->diags, 0);
		diag_add(&p->diags, DIAG_WARNING, 0, ID_UNFINISHED_REMOVED,
			 NOPOS,
			 "an unfinished change can be neither completed nor undone; its rules are removed");
	}
	*ret_waits = what == RECOVERED_WAITS;
	return 0;
}

static int dry_run(const struct options *o, const struct plan *p)
{
	bool same = change_is_empty(&p->change);

	report(p, "remove", same ? "unchanged" : "would_change", SHOW_PLANNED);
	return same || !o->detailed ? EXIT_DONE : EXIT_CHANGED;
}

static int take_out(const struct options *o, struct plan *p, bool waits)
{
	_cleanup_(transaction_release) struct transaction t = { 0 };
	int err = 0;

	transact(p, &t);
	/* Nothing is left that could be confirmed. */
	if (waits && transaction_succeeded(&t))
		err = pending_drop(p->state, &p->diags);
	report(p, "remove", err ? "failed" : transaction_result(&t), SHOW_MADE);
	say(p, &t);
	return err ? EXIT_IO : report_transaction(p, "remove", &t, o->detailed);
}

static int run(const struct options *o)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(plan_release) struct plan p = { .rq = &o->request };
	bool waits = false;
	int err;

	err = o->dry_run ? unsettled_note(p.rq, &p.diags) :
			   settle_past(&p, &state, &waits);
	if (!err)
		err = worlds_open(&p, plan_backend_name(&p));
	if (!err)
		err = off_aim(&p);
	if (!err)
		err = plan_compare(&p);
	if (err)
		return report_failure(&p, "remove", err);
	return o->dry_run ? dry_run(o, &p) : take_out(o, &p, waits);
}

const struct command cmd_remove = {
	.name = "remove",
	.summary = "remove all ctpolicy rules",
	.takes = OPT_DRY_RUN | OPT_DETAILED | OPT_RULES,
	.min_args = 0,
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy remove\n"
"\n"
"Usage: ctpolicy remove [OPTION...]\n"
"\n"
"Removes every table, chain, rule and set of ctpolicy, NOTRACK before the\n"
"accept rules, and puts back sysctls and files that ctpolicy changed. Nothing\n"
"else is touched. --backend removes the rules of one only.\n",
};
