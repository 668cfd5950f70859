/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/change/cmd_confirm.c: keep the change that waits for this word. */
#include <errno.h>

#include "cli/output/report.h"
#include "core/mem.h"
#include "engine/guard.h"
#include "engine/unsettled.h"

/* Nothing is on trial. How did it end when something last was? Told once. */
static int say_ending(struct plan *p, struct state *state)
{
	struct ending_note e;
	int err = trial_take_end(state, &e, &p->diags);

	if (err == -ENOENT) {
		report(p, "confirm", "unchanged", SHOW_NOTHING);
		report_talk("no change is on trial");
		return EXIT_DONE;
	}
	if (err)
		return report_failure(p, "confirm", err);
	if (e.ending == ENDING_TAKEN_BACK)
		diag_add(&p->diags, DIAG_ERROR, 0, ID_CONFIRM_TOO_LATE, NOPOS,
			 "change %u was rolled back before it was confirmed",
			 e.id);
	else
		diag_add(&p->diags, DIAG_ERROR, 0, ID_CONFIRM_TOO_LATE, NOPOS,
			 "change %u was not confirmed in time; it %s", e.id,
			 trial_end_words(e.ending));
	report(p, "confirm", "rolled_back", SHOW_NOTHING);
	return EXIT_UNCONFIRMED;
}

static int say_not_in_force(struct recovery *v, const struct options *o)
{
	diag_add(&v->plan.diags, o->request.force ? DIAG_WARNING : DIAG_ERROR,
		 0, ID_TRIAL_NOT_IN_FORCE, NOPOS,
		 "change %u is no longer in force: somebody changed its rules",
		 v->record.id);
	if (o->request.force)
		return 0;
	diag_help(&v->plan.diags,
		  "it stays on trial: run 'ctpolicy rollback' and apply it again, or 'ctpolicy confirm --force' to keep the rules as they are now");
	return -FAULT_STALE;
}

/* What is confirmed must be what was applied. */
static int check_in_force(struct plan *p, const struct options *o,
			  struct state *state)
{
	_cleanup_(recovery_release) struct recovery v = { 0 };
	bool in_force = true;
	int err = recovery_check_new(&v, &o->request, state, &in_force);

	if (!err && !in_force)
		err = say_not_in_force(&v, o);
	if (err == -ENOENT)
		err = 0;
	diags_append(&p->diags, &v.plan.diags);
	return err;
}

static int keep(struct plan *p, struct state *state, uint32_t id)
{
	int err = pending_end(state, id, ENDING_CONFIRMED, &p->diags);

	if (err)
		return report_failure(p, "confirm", err);
	report(p, "confirm", "changed", SHOW_NOTHING);
	report_talk("change %u is confirmed and stays in force", id);
	return EXIT_DONE;
}

static int run(const struct options *o)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(plan_release) struct plan p = { .rq = &o->request };
	_cleanup_(logins_release) struct logins logins = { 0 };
	enum recovered what = RECOVERED_NOTHING;
	struct waiting w = { 0 };
	int err;

	/* First: recovery_open() gives up the powers that this takes. */
	err = logins_find(&logins);
	if (!err)
		err = recovery_open(&o->request, &state, &p.diags);
	p.state = state;
	/* What is half done or too late cannot be confirmed: it is undone. */
	if (!err)
		err = recovery_before(&p, &what);
	if (!err)
		err = waiting_read(state, &w, &p.diags);
	if (!err && w.there)
		err = guard_confirm(&logins, &w.pending, o->request.force,
				    &p.diags);
	if (!err && w.there)
		err = check_in_force(&p, o, state);
	if (err)
		return report_failure(&p, "confirm", err);
	return w.there ? keep(&p, state, w.pending.id) :
			 say_ending(&p, state);
}

const struct command cmd_confirm = {
	.name = "confirm",
	.summary = "keep the change that is on trial (apply --confirm)",
	.takes = OPT_FORCE_CONFIRM,
	.min_args = 0,
	.max_args = 0,
	.run = run,
	.help =
"Example:  ctpolicy apply --confirm 60s policy.yaml\n"
"          ctpolicy confirm            # in a new login\n"
"\n"
"Usage: ctpolicy confirm [OPTION...]\n"
"\n"
"Keeps the change that apply --confirm put on trial, if its rules are still in\n"
"force. The SSH connection that applied it does not count: use a new login. If\n"
"it is too late, says that the change has been undone.\n",
	.exits =
"Exit code: 0 confirmed, or nothing is on trial; 12 too late, the previous\n"
"rules are restored and verified; 11 too late, and restoring them failed; 13\n"
"somebody changed the rules, 14 the same connection: it stays on trial.\n",
};
