/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/watch_look.c: is it in force? And if not, put it back. */
#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "engine/apply.h"
#include "engine/recovery.h"
#include "engine/watch.h"

/* One look without the lock, or its repeat with it. */
struct aim {
	struct state *state;
	struct record record;
};

static void aim_release(struct aim *a)
{
	record_release(&a->record);
	state_close(&a->state);
}

void watch_look_release(struct watch_look *look)
{
	plan_release(&look->plan);
	transaction_release(&look->done);
	*look = (struct watch_look){ 0 };
}

/* Is anything under way that somebody else looks after? */
static int find_unsettled(struct state *state, bool *ret, struct diags *d)
{
	_cleanup_(record_release) struct record journal = { 0 };
	struct waiting w = { 0 };
	int err = waiting_read(state, &w, d);

	if (!err)
		err = journal_read(state, &journal, d);
	*ret = !err || w.there;
	return err == -ENOENT ? 0 : err;
}

/* What is to be in force: the policy of the newest change. */
static int take_aim(struct watch_look *look, const struct request *rq,
		    struct aim *a)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	int err = state_newest(a->state, &a->record, &said);

	look->change = a->record.id;
	look->sight = WATCH_NOTHING;
	if (err == -ENOENT || (!err && !a->record.policy_text.s))
		return 0;
	look->sight = WATCH_PAST;
	if (!err && strcmp(a->record.space, state_space(a->state)))
		return 0;
	look->sight = WATCH_IN_FORCE;
	plan_release(&look->plan);
	if (!err)
		err = plan_load_kept(&look->plan, rq, &a->record);
	diags_append(&look->plan.diags, &said);
	look->plan.state = a->state;
	return err;
}

/* Whoever writes rules one by one may not be done yet: look so often. */
#define READS 3

static int compare(struct watch_look *look, unsigned int reads)
{
	struct plan *p = &look->plan;
	int err = apply_compare(p);

	for (unsigned int i = 1; i < reads && !err &&
	     !change_is_empty(&p->change); i++) {
		change_settle();
		err = plan_compare(p);
	}
	for (size_t i = 0; i < p->change.n; i++)
		look->polls |= p->change.v[i].backend->world == WORLD_LEGACY;
	look->steps = change_steps(&p->change);
	return err;
}

static int look_on(struct watch_look *look, const struct request *rq,
		   struct aim *a)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	bool unsettled = false;
	int err = state_open_reading(rq->state_dir, &a->state, &said);

	if (err == -ENOENT) {
		look->sight = WATCH_NOTHING;
		return 0;
	}
	if (!err)
		err = find_unsettled(a->state, &unsettled, &said);
	if (!err && unsettled) {
		look->sight = WATCH_TRIAL;
		return 0;
	}
	diags_append(&look->plan.diags, &said);
	if (!err)
		err = take_aim(look, rq, a);
	return err || look->sight != WATCH_IN_FORCE ? err :
		compare(look, READS);
}

/* The same with the lock held, under which nobody of ours writes. */
static int mend(struct watch_look *look, const struct request *rq,
		struct aim *a)
{
	int err;

	plan_release(&look->plan);
	look->plan = (struct plan){ .rq = rq };
	err = apply_settle(&look->plan, &a->state);
	if (!err)
		err = take_aim(look, rq, a);
	if (err || look->sight != WATCH_IN_FORCE)
		return err;
	look->plan.repairs = true;
	err = compare(look, 1);
	if (err || change_is_empty(&look->plan.change))
		return err;
	err = apply_check(&look->plan);
	if (err)
		return err;
	transact(&look->plan, &look->done);
	if (look->done.outcome == OUTCOME_CHANGED)
		look->sight = WATCH_REPAIRED;
	look->steps = look->done.steps;
	return transaction_succeeded(&look->done) ? 0 :
	       look->done.err ? look->done.err : -FAULT_STALE;
}

void watch_look(struct watch_look *look, const struct request *rq, bool mends)
{
	_cleanup_(aim_release) struct aim first = { 0 }, second = { 0 };
	int err = look_on(look, rq, &first);

	if (!err && look->sight == WATCH_IN_FORCE && look->steps)
		err = mends ? mend(look, rq, &second) : 0;
	else
		mends = true;
	if (err)
		look->sight = err == -FAULT_BUSY ? WATCH_TRIAL : WATCH_FAILED;
	else if (!mends)
		look->sight = WATCH_WAITS;
	look->err = err;
	/* It goes with this call. */
	look->plan.state = NULL;
}
