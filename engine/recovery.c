/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/recovery.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "engine/history.h"
#include "engine/off_holders.h"
#include "engine/recovery_aim.h"
#include "engine/signals.h"
#include "host/privilege.h"

/* `err`: of reading what is pending. */
static int describe(const struct state *state, int err, struct waiting *ret)
{
	const struct pending *p = &ret->pending;

	if (err && err != -ENOENT)
		return err;
	ret->there = !err;
	ret->expired = !err && (strcmp(p->space, state_space(state)) ||
				clock_boot_ns() >= p->deadline);
	return 0;
}

int waiting_read(struct state *state, struct waiting *ret, struct diags *d)
{
	struct waiting w = { 0 };
	int err = describe(state, pending_read(state, &w.pending, d), &w);

	if (!err)
		*ret = w;
	return err;
}

int waiting_glean(struct state *state, struct waiting *ret, struct diags *d)
{
	struct waiting w = { 0 };
	int err = pending_read_other(state, &w.pending, d);

	if (err == -ENOENT)
		return waiting_read(state, ret, d);
	err = describe(state, err, &w);
	if (!err)
		*ret = w;
	return err;
}

enum ending recovery_ending(const struct recovery *v)
{
	if (v->in_time)
		return ENDING_TAKEN_BACK;
	return diags_has(&v->plan.diags, ID_ORIGINAL_GONE) ?
		       ENDING_ROLLED_BACK_BUT : ENDING_ROLLED_BACK;
}

/* The trial is over: the next `confirm` says how it ended. */
static int end_waiting(struct recovery *v, const struct waiting *w)
{
	return pending_end(v->plan.state,
			   w->pending.id ? w->pending.id : v->record.id,
			   recovery_ending(v), &v->plan.diags);
}

/* A note that is damaged may mean any change. */
static bool speaks_of(const struct waiting *w, uint32_t id)
{
	return w->there && (!w->pending.id || w->pending.id == id);
}

bool recovery_succeeded(const struct recovery *v)
{
	return transaction_succeeded(&v->done);
}

/* What was interrupted is over, one way or the other. */
static int settle(struct recovery *v, bool forward, const struct waiting *ends)
{
	int err = forward && !record_is_repair(&v->record) ?
			    journal_finish(v->plan.state, &v->plan.diags) :
			    journal_drop(v->plan.state, &v->plan.diags);

	return !err && ends ? end_waiting(v, ends) : err;
}

/*
 * Make what the plan aims at, which ends the journal. A trial ends with its
 * change.
 */
static int go(struct recovery *v, bool forward, const struct waiting *ends)
{
	v->what = forward ? RECOVERED_NEW : RECOVERED_OLD;
	v->plan.change.off.yields = true;
	transact(&v->plan, &v->done);
	if (!recovery_succeeded(v))
		return 0;
	if (v->done.outcome == OUTCOME_UNCHANGED)
		return settle(v, forward, ends);
	return ends ? end_waiting(v, ends) : 0;
}

/* Rules live as long as their namespace, unless they were restored since. */
static bool is_past(const struct recovery *v)
{
	const struct change *c = &v->plan.change;

	for (size_t i = 0; i < c->n; i++)
		if (!image_is_empty(c->v[i].live.image))
			return false;
	return strcmp(v->record.space, state_space(v->plan.state)) != 0;
}

/* An interrupted rollback of files is undone, as any other change of theirs. */
static int finish_past(struct recovery *v, const struct waiting *ends)
{
	const struct change *c = &v->plan.change;
	bool keep = (c->boot.there || c->tune.at.there) && !ends &&
		    recovery_is_complete(v);

	v->plan.takes_back = 0;
	if (!keep)
		transact(&v->plan, &v->done);
	if (!recovery_succeeded(v))
		return 0;
	if (v->done.outcome == OUTCOME_UNCHANGED)
		return settle(v, keep, ends);
	return ends ? end_waiting(v, ends) : 0;
}

/*
 * An interrupted rollback is completed: the undo data of the change that it
 * undoes works from any point on the way. Without that record the rollback
 * itself is undone.
 */
static int finish_rollback(struct recovery *v, const struct waiting *ends)
{
	_cleanup_(record_release) struct record undone = { 0 };
	int err = journal_read_undone(v->plan.state, &v->record, &undone,
				      &v->plan.diags);

	if (err && err != -ENOMEM)
		return go(v, false, NULL);
	if (!err)
		err = recovery_aim(v, &undone);
	return err ? err : go(v, true, ends);
}

/*
 * A rollback is finished, any other change is undone, unless it turns out to
 * be complete and nobody was asked to confirm it.
 */
static int finish_or_undo(struct recovery *v, const struct waiting *w)
{
	bool back = v->record.of != 0;
	const struct waiting *ends;
	int err = recovery_open_parts(v);

	v->plan.takes_back = v->record.of;
	if (!err)
		err = recovery_aim(v, &v->record);
	if (err)
		return err;
	ends = speaks_of(w, back ? v->record.of : v->record.id) ? w : NULL;
	if (is_past(v)) {
		err = recovery_leave_to_files(v);
		return err ? err : finish_past(v, ends);
	}
	if (recovery_is_complete(v) && (back || !ends)) {
		v->what = RECOVERED_NEW;
		return settle(v, true, ends);
	}
	return back ? finish_rollback(v, ends) : go(v, false, ends);
}

static void begin(struct recovery *v, const struct request *rq,
		  struct state *state, const char *command)
{
	/* Nobody is asked to confirm an undo. */
	const struct request own = {
		.command = command, .backend = rq->backend,
		.state_dir = rq->state_dir, .keeps_steps = rq->keeps_steps,
	};

	*v = (struct recovery){
		.request = own,
		.plan = { .rq = &v->request, .state = state,
			  .diags = v->plan.diags,
			  .at_boot = rq->falls_back },
		.done = { .outcome = OUTCOME_UNCHANGED },
	};
}

/* The record is used up, though nothing had to be written. */
static int drop_record(struct recovery *v)
{
	int err = history_begin(&v->plan);

	return err ? err : history_keep(&v->plan);
}

/* To the rules before a record; it goes, and its trial. */
static int undo_record(struct recovery *v, const struct waiting *w)
{
	int err = recovery_open_parts(v);

	if (err)
		return err;
	v->plan.takes_back = v->record.id;
	v->plan.of = &v->record;
	/* The note and the record say all that a journal would. */
	v->plan.unjournaled = speaks_of(w, v->record.id);
	err = recovery_aim(v, &v->record);
	if (err)
		return err;
	v->what = RECOVERED_OLD;
	v->plan.change.off.yields = v->plan.unjournaled;
	err = is_past(v) ? recovery_leave_to_files(v) :
			   off_check_back(&v->plan);
	if (err)
		return err;
	transact(&v->plan, &v->done);
	if (!recovery_succeeded(v))
		return 0;
	if (v->done.outcome == OUTCOME_UNCHANGED)
		err = drop_record(v);
	return !err && w->there ? end_waiting(v, w) : err;
}

static int take_back(struct recovery *v, const struct waiting *w)
{
	int err = state_newest(v->plan.state, &v->record, &v->plan.diags);

	return err ? err : undo_record(v, w);
}

/*
 * The newest record is not that of the change on trial: was it rolled back, or
 * did a removal that was cut short remove its rules?
 */
static int superseded(struct recovery *v, const struct waiting *w,
		      uint32_t newest, uint32_t of)
{
	uint32_t id = w->pending.id;

	v->record.id = id;
	if (id && (newest < id || of == id)) {
		v->what = RECOVERED_OLD;
		return end_waiting(v, w);
	}
	v->what = RECOVERED_NOTHING;
	return pending_drop(v->plan.state, &v->plan.diags);
}

static int unconfirmed(struct recovery *v, const struct waiting *w)
{
	int err = state_newest(v->plan.state, &v->record, &v->plan.diags);
	uint32_t id, of;

	v->unreadable = err == -EIO;
	if (err && err != -ENOENT)
		return err;
	id = err ? 0 : v->record.id;
	of = err ? 0 : v->record.of;
	record_release(&v->record);
	if (!id || !speaks_of(w, id))
		return superseded(v, w, id, of);
	return take_back(v, w);
}

int recovery_run(struct recovery *v, const struct request *rq,
		 struct state *state)
{
	struct waiting w = { 0 };
	int err;

	begin(v, rq, state, "recover");
	err = waiting_read(state, &w, &v->plan.diags);
	if (err)
		return err;
	err = journal_read(state, &v->record, &v->plan.diags);
	if (!err) {
		v->plan.recovers = true;
		return finish_or_undo(v, &w);
	}
	v->unreadable = err == -EIO;
	if (err != -ENOENT)
		return err;
	if (w.there && w.expired)
		return unconfirmed(v, &w);
	v->what = w.there ? RECOVERED_WAITS : RECOVERED_NOTHING;
	v->record.id = w.pending.id;
	return 0;
}

int recovery_take_back(struct recovery *v, const struct request *rq,
		       struct state *state)
{
	struct waiting w = { 0 };
	int err;

	begin(v, rq, state, "rollback");
	err = waiting_read(state, &w, &v->plan.diags);
	/* A waiter that is told to end has another command. */
	v->in_time = w.there && !w.expired && !strcmp(rq->command, "rollback");
	return err ? err : take_back(v, &w);
}

int recovery_redo(struct recovery *v, const struct request *rq,
		  struct state *state)
{
	const struct waiting none = { 0 };
	int err;

	begin(v, rq, state, "redo");
	err = state_newest_undone(state, &v->record, &v->plan.diags);
	return err ? err : undo_record(v, &none);
}

int recovery_check_new(struct recovery *v, const struct request *rq,
		       struct state *state, bool *ret)
{
	int err;

	begin(v, rq, state, "confirm");
	err = state_newest(state, &v->record, &v->plan.diags);
	if (!err)
		err = recovery_open_parts(v);
	if (!err)
		err = recovery_aim(v, &v->record);
	for (unsigned int i = 0; !err && i < SETTLE_READS &&
				 !recovery_is_complete(v); i++) {
		change_settle();
		err = plan_compare(&v->plan);
	}
	if (!err)
		*ret = recovery_is_complete(v);
	return err;
}

static void say_what(struct plan *p, const struct recovery *v)
{
	static const char *const words[RECOVERED_MAX_] = {
		[RECOVERED_NEW] = "was interrupted; all of its rules are in place, and stay",
		[RECOVERED_OLD] = "was interrupted or not confirmed and has been rolled back",
		[RECOVERED_PAST] = "was interrupted; its rules ended with the machine or the namespace, and no ctpolicy rules are there",
	};

	if (words[v->what])
		diag_add(&p->diags, DIAG_WARNING, 0, ID_UNFINISHED_CHANGE,
			 NOPOS, "change %u (%s) %s", v->record.id,
			 v->record.command ? v->record.command : "apply",
			 words[v->what]);
}

int recovery_error(const struct recovery *v)
{
	if (recovery_succeeded(v))
		return 0;
	if (v->done.outcome == OUTCOME_STALE)
		return -FAULT_STALE;
	return v->done.outcome == OUTCOME_REFUSED ? v->done.err :
						    -FAULT_HALF;
}

int recovery_open(const struct request *rq, struct state **ret,
		  struct diags *d)
{
	int err = privilege_require(d);

	signals_endure();
	if (!err)
		err = state_open(rq->state_dir, ret, d);
	if (!err && privilege_drop(PRIVILEGE_MODULES))
		err = diag_add(d, DIAG_ERROR, -EPERM, ID_CAPS_KEPT, NOPOS,
			       "capabilities that are not needed cannot be given up");
	return err;
}

/*
 * Does what cannot be undone block this command? Not one that says what all
 * rules must be: it makes them right from any state.
 */
static bool is_in_the_way(const struct recovery *v, const char *command,
			  int err)
{
	static const enum fault others[] = {
		FAULT_MEMORY, FAULT_PERMISSION, FAULT_BUSY, FAULT_STALE,
		FAULT_LACKING,
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (fault_of(err) == others[i])
			return true;
	/* The folder itself cannot be read: nothing is known of the past. */
	if (err == -EIO && !v->unreadable)
		return true;
	/* Who lost what he wrote must hear of it. */
	return diags_has(&v->plan.diags, ID_OVERWROTE) ||
	       diags_has(&v->plan.diags, ID_UNCOUNTED) ||
	       (strcmp(command, "apply") && strcmp(command, "remove"));
}

/* False: it could not be renamed, or what cannot be read is another file. */
static bool set_aside(const struct plan *p, const struct recovery *v)
{
	return diags_has(&v->plan.diags, ID_RECORD_VERSION) &&
	       !journal_set_aside(p->state);
}

/* What is an error for `recover` is a warning for commands that go on. */
static int pass_over(struct plan *p, const struct recovery *v)
{
	const char *why = "it cannot be undone";
	bool aside = set_aside(p, v);

	for (size_t i = 0; i < v->plan.diags.n; i++)
		if (v->plan.diags.v[i].level == DIAG_ERROR)
			why = v->plan.diags.v[i].msg;
	diag_add(&p->diags, DIAG_WARNING, 0, ID_RECORD_PASSED_OVER, NOPOS,
		 "an unfinished change is ignored: %s%s", why,
		 aside ? "; it is now journal.other" : "");
	return pending_drop(p->state, &p->diags);
}

/*
 * At boot no note that this version cannot read keeps the rules away, unless it
 * speaks of a trial that is on.
 */
static int make_way(struct plan *p)
{
	struct waiting w = { 0 };
	int err = p->rq->falls_back ?
			  pending_read_other(p->state, &w.pending, &p->diags) :
			  -ENOENT;

	if (!err)
		err = describe(p->state, err, &w);
	if (!err && w.expired)
		err = pending_set_aside(p->state, &p->diags);
	return err == -ENOENT ? 0 : err;
}

int recovery_before(struct plan *p, enum recovered *ret)
{
	_cleanup_(recovery_release) struct recovery v = { 0 };
	int err = make_way(p);

	if (!err)
		err = recovery_run(&v, p->rq, p->state);
	if (!err)
		err = recovery_error(&v);
	if (err && !is_in_the_way(&v, p->rq->command, err)) {
		*ret = RECOVERED_NOTHING;
		return pass_over(p, &v);
	}
	diags_append(&p->diags, &v.plan.diags);
	if (err)
		return err;
	say_what(p, &v);
	*ret = v.what;
	return 0;
}

void recovery_release(struct recovery *v)
{
	transaction_release(&v->done);
	plan_release(&v->plan);
	record_release(&v->record);
	*v = (struct recovery){ 0 };
}
