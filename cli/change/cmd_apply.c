/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/cmd_apply.c: make it so, and see that it is so. */
#include <string.h>
#include <time.h>

#include "cli/output/report.h"
#include "core/mem.h"
#include "engine/apply.h"
#include "engine/plan_text.h"
#include "engine/transaction.h"
#include "engine/unsettled.h"
#include "engine/waiter.h"

static int dry_run(const struct options *o, const struct plan *p)
{
	bool same = change_is_empty(&p->change);

	report(p, "apply", same ? "unchanged" : "would_change", SHOW_PLANNED);
	return same || !o->detailed ? EXIT_DONE : EXIT_CHANGED;
}

static void say_trial(const struct on_trial *trial)
{
	time_t end = (time_t)trial->deadline;
	struct tm local = { 0 };
	char until[16] = "";

	localtime_r(&end, &local);
	strftime(until, sizeof(until), "%H:%M:%S", &local);
	report_talk("On trial until %s. Open a new login and run 'ctpolicy confirm' to keep it; 'ctpolicy rollback' to undo it now.",
		    until);
}

static void say_changed(const char *backend, const struct transaction *t)
{
	char rest[64] = "";

	if (t->given_up)
		snprintf(rest, sizeof(rest),
			 "; %zu could not be made: see above", t->given_up);
	report_talk("%s: applied: %zu %s made and verified%s", backend,
		    t->steps, t->steps == 1 ? "change" : "changes",
		    rest);
}

static void say_done(const struct plan *p, const struct transaction *t,
		     const struct on_trial *trial)
{
	const char *backend = p->change.v[0].backend->name;

	if (t->outcome == OUTCOME_UNCHANGED)
		report_talk("%s: nothing to do", backend);
	else if (t->outcome == OUTCOME_CHANGED)
		say_changed(backend, t);
	else if (t->outcome == OUTCOME_RESTORED ||
		 t->outcome == OUTCOME_NOT_RECORDED)
		report_talk("%s: failed; the previous rules are in force, verified",
			    backend);
	else if (t->outcome == OUTCOME_STALE)
		report_talk("%s: the live rules kept changing; nothing was done",
			    backend);
	report_tracking(t);
	if (trial)
		say_trial(trial);
}

static void end(const struct plan *p, const struct transaction *t)
{
	const struct on_trial trial = {
		.id = p->waits, .seconds = p->rq->confirm,
		.deadline = (int64_t)time(NULL) + p->rq->confirm,
	};
	const struct result_end e = {
		.plan = p, .word = transaction_result(t), .shown = SHOW_MADE,
	};
	const struct result r = {
		.command = "apply", .v = &e, .n = 1,
		.trial = t->outcome == OUTCOME_CHANGED && p->waits ? &trial :
								     NULL,
	};

	report_result(&r);
	say_done(p, t, r.trial);
}

static int compare(struct plan *p)
{
	int err = apply_compare(p);

	if (!err && p->why)
		report_talk("using %s: %s",
			    p->change.v[0].backend->name, p->why);
	return err ? err : apply_check(p);
}

/* For the lines that are shown of it. */
static void recall_text(struct plan *p)
{
	if (p->diags.n)
		plan_bring_text_back(p);
}

static int fail(struct plan *p, int err)
{
	recall_text(p);
	return report_failure(p, "apply", err);
}

static int run(const struct options *o)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(plan_release) struct plan p = { 0 };
	_cleanup_(transaction_release) struct transaction t = { 0 };
	_cleanup_(logins_release) struct logins logins = { 0 };
	_cleanup_(waiter_dismiss) struct waiter waiter = WAITER_NONE;
	struct request rq = o->request;
	int err = 0;

	p.rq = &rq;
	rq.detach = waiter_start;
	rq.waiter = &waiter;
	/* First of all, so that it holds nothing of what is loaded here. */
	if (rq.confirm && !o->dry_run)
		err = waiter_prepare(rq.state_dir, &waiter, &p.diags);
	/* plan_load() gives up the powers that this takes. */
	if (!err)
		err = logins_find(&logins);
	if (!err)
		err = apply_load(&p, &rq, o->args[0]);
	p.logins = &logins;
	if (!err)
		err = o->dry_run ? unsettled_note(&rq, &p.diags) :
				   apply_settle(&p, &state);
	if (!err) {
		plan_put_text_aside(&p);
		err = compare(&p);
	}
	if (err)
		return fail(&p, err);
	if (o->dry_run)
		return dry_run(o, &p);
	transact(&p, &t);
	if (p.waits)
		waiter_look_again(&waiter);
	recall_text(&p);
	end(&p, &t);
	return report_transaction(&p, "apply", &t, o->detailed);
}

const struct command cmd_apply = {
	.name = "apply",
	.summary = "apply a policy, verify it, undo it on failure",
	.takes = OPT_FAMILY | OPT_DRY_RUN | OPT_DETAILED | OPT_CONFIRM |
		 OPT_FORCE_APPLY | OPT_FALLBACK | OPT_RULES,
	.min_args = 0,
	.max_args = 1,
	.args = ARGS_POLICY,
	.run = run,
	.help =
"Example:  ctpolicy apply --confirm 60s policy.yaml\n"
"\n"
"Usage: ctpolicy apply [OPTION...] [POLICY]\n"
"\n"
"Makes ctpolicy's rules in the kernel match the policy, changing only what\n"
"differs, and no rules of others unless the policy replaces them. Verifies the\n"
"result; on any failure restores the previous rules and says so.\n",
	.exits =
"Exit code: 0 done or nothing to do, 10 failed and undone, 11 failed and not\n"
"undone, 13 the live rules kept changing, 14 refused; more in ctpolicy(8).\n",
};
