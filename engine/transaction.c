/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/transaction.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"
#include "engine/history.h"
#include "engine/signals.h"

/* How often a base that moved under us is read and planned anew. */
#define TRIES 20
/* How often a read-back that differs is read again, every 50 ms. */
#define SETTLE_READS 10

/* What it takes to get from the kernel's state to `before`. */
static int way_back(struct plan *p, const struct image *before,
		    struct snapshot *ret_now, struct changeset **ret)
{
	int r = p->backend->snapshot(p->ctx, ret_now, &p->diags);

	return r ? r : changeset_diff(before, ret_now->image, ret);
}

/* Is the kernel as `before` shows it? */
static int verify_restored(struct plan *p, const struct image *before)
{
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	_cleanup_(snapshot_release) struct snapshot now = { 0 };
	int r = way_back(p, before, &now, &cs);

	if (!r && !changeset_is_empty(cs))
		r = -ENOTRECOVERABLE;
	return r;
}

/*
 * While the kernel resizes a hash set in the background a dump may leave out
 * elements or show them twice (lib/rhashtable.c, rhashtable_walk_start()).
 * So a difference counts only when it is still there after a while.
 */
static void settle(void)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };

	nanosleep(&pause, NULL);
}

static int verify_restored_settled(struct plan *p, const struct image *before)
{
	int r = verify_restored(p, before);

	for (unsigned int i = 0; i < SETTLE_READS && r == -ENOTRECOVERABLE;
	     i++) {
		settle();
		r = verify_restored(p, before);
	}
	return r;
}

/*
 * Go back to `before`, from wherever we are: again when somebody else wrote
 * meanwhile, since giving up leaves the host in between.
 */
static int undo(struct plan *p, const struct image *before)
{
	size_t said = p->diags.n;
	int r = -EAGAIN;

	for (unsigned int i = 0; i < TRIES &&
	     (r == -EAGAIN || r == -ECANCELED); i++) {
		_cleanup_(changeset_free) struct changeset *cs = NULL;
		_cleanup_(snapshot_release) struct snapshot now = { 0 };

		/* That somebody was overwritten stays true. */
		if (r == -ECANCELED)
			said = p->diags.n;
		diags_truncate(&p->diags, said);
		r = way_back(p, before, &now, &cs);
		if (!r && !changeset_is_empty(cs))
			r = p->backend->commit(p->ctx, cs, now.stamp, false,
					       &p->diags);
	}
	return r ? r : verify_restored_settled(p, before);
}

static void say_how_to_recover(struct plan *p)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_NOT_RESTORED, NOPOS,
		 "the rules from before could not be restored");
	if (p->state)
		diag_help(&p->diags,
			  "run 'ctpolicy recover' to try again, or 'ctpolicy remove' to take out all of ours");
	else if (p->file && strcmp(p->file, "-"))
		diag_help(&p->diags,
			  "run 'ctpolicy apply %s', or 'ctpolicy remove' to take out all of ours",
			  p->file);
	else
		diag_help(&p->diags,
			  "run 'ctpolicy remove' to take out all of ours");
}

static void go_back(struct plan *p, const struct image *before, int err,
		    struct transaction *t)
{
	t->err = err;
	t->outcome = undo(p, before) ? OUTCOME_NOT_RESTORED : OUTCOME_RESTORED;
	if (t->outcome == OUTCOME_NOT_RESTORED)
		say_how_to_recover(p);
	else
		tracking_undone(p, &t->tracking);
}

int transaction_compare(struct plan *p)
{
	int r = plan_compare(p);

	for (unsigned int i = 0; i < SETTLE_READS && !r &&
	     !changeset_is_empty(p->changes); i++) {
		settle();
		r = plan_compare(p);
	}
	return r;
}

/* A change that cannot be taken back later is none. */
static void keep(struct plan *p, const struct image *before,
		 struct transaction *t)
{
	int r;

	tracking_after(p, before, &t->tracking);
	r = history_keep(p);
	t->outcome = OUTCOME_CHANGED;
	if (!r)
		return;
	go_back(p, before, r, t);
	if (t->outcome == OUTCOME_RESTORED)
		t->outcome = OUTCOME_NOT_RECORDED;
}

/* The commit went through; does the kernel hold what we wanted? */
static void read_back(struct plan *p, struct transaction *t)
{
	struct snapshot before = p->live;
	int r;

	p->live = (struct snapshot){ 0 };
	if (p->rq->keeps_steps) {
		t->made = TAKE_PTR(p->changes);
		t->want = TAKE_PTR(p->want);
	}
	changeset_free(&p->changes);
	r = transaction_compare(p);
	if (!r && !changeset_is_empty(p->changes)) {
		_cleanup_(strbuf_release) struct strbuf line = { 0 };

		p->backend->print_step(&p->changes->steps[0], &line);
		r = diag_add(&p->diags, DIAG_ERROR, -EIO, ID_KERNEL_DIFFERS,
			     NOPOS,
			     "the kernel holds other rules than it was told, first: %s %s",
			     p->changes->steps[0].add ? "+" : "-",
			     strbuf_str(&line));
	}
	if (r)
		go_back(p, before.image, r, t);
	else
		keep(p, before.image, t);
	if (t->outcome != OUTCOME_CHANGED)
		changeset_free(&t->made);
	else if (t->made)
		t->before = TAKE_PTR(before.image);
	snapshot_release(&before);
}

void transaction_release(struct transaction *t)
{
	changeset_free(&t->made);
	image_free(&t->want);
	image_free(&t->before);
	tracking_release(&t->tracking);
}

/* Refusals that say themselves that nothing was done. */
static bool did_nothing(int err)
{
	return err == -EPERM || err == -EBUSY || err == -EADDRINUSE ||
	       err == -EOPNOTSUPP;
}

static void commit_failed(struct plan *p, int err, struct transaction *t)
{
	t->err = err;
	if (err == -ENOTRECOVERABLE) {
		go_back(p, p->live.image, err, t);
		return;
	}
	if (verify_restored_settled(p, p->live.image))
		go_back(p, p->live.image, err, t);
	else
		t->outcome = did_nothing(err) ? OUTCOME_REFUSED :
						OUTCOME_RESTORED;
	if (t->outcome != OUTCOME_NOT_RESTORED)
		tracking_undone(p, &t->tracking);
}

static int say_stale(struct plan *p)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_KEPT_CHANGING, NOPOS,
		 "somebody else changed the live rules between reading and writing, %d times in a row; nothing was done",
		 TRIES);
	diag_help(&p->diags,
		  "run it again once they settle; 'nft monitor' shows who writes");
	return -EAGAIN;
}

static void change(struct plan *p, struct transaction *ret)
{
	size_t said = p->diags.n;
	int r = 0;

	for (unsigned int tries = 1; !r; tries++) {
		if (changeset_is_empty(p->changes))
			return;
		tracking_before(p, &ret->tracking);
		if (tries == 1)
			said = p->diags.n;
		ret->steps = p->changes->n;
		r = history_begin(p);
		if (r)
			break;
		r = p->backend->commit(p->ctx, p->changes, p->live.stamp,
				       false, &p->diags);
		if (!r) {
			read_back(p, ret);
			return;
		}
		if (r != -EAGAIN) {
			commit_failed(p, r, ret);
			return;
		}
		/* Planned anew: a refusal that did not last is no error. */
		diags_truncate(&p->diags, said);
		r = tries < TRIES ? plan_compare(p) : say_stale(p);
	}
	ret->outcome = r == -EAGAIN ? OUTCOME_STALE : OUTCOME_REFUSED;
	ret->err = r;
	tracking_undone(p, &ret->tracking);
}

void transact(struct plan *p, struct transaction *ret)
{
	sigset_t before;

	*ret = (struct transaction){ .outcome = OUTCOME_UNCHANGED };
	signals_hold(&before);
	change(p, ret);
	/* What is neither old nor new stays in the journal, for `recover`. */
	if (ret->outcome != OUTCOME_CHANGED &&
	    ret->outcome != OUTCOME_NOT_RESTORED)
		(void)history_drop(p);
	signals_release(&before);
}
