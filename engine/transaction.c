/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/transaction.h"

#include <string.h>

#include "core/fault.h"
#include "core/mem.h"
#include "engine/boot_keep.h"
#include "engine/history.h"
#include "engine/off_aim.h"
#include "engine/signals.h"
#include "engine/tune_keep.h"

/* How often to replan when the rules change under us. */
#define TRIES 20

static void back_release(struct change *back)
{
	for (size_t i = 0; i < back->n; i++) {
		changeset_free(&back->v[i].changes);
		snapshot_release(&back->v[i].live);
	}
	free(back->v);
	off_release(&back->off);
	tune_release(&back->tune);
	boot_release(&back->boot);
	*back = (struct change){ 0 };
}

/* Files and modules, whose states are small, are copied. */
static int way_back_beside(struct plan *p, struct change *back)
{
	struct change *c = &p->change;
	int err = 0;

	if (c->off.at.begun) {
		back->off.at.there = back->off.yields = true;
		err = items_copy(&c->off.at.before, &back->off.at.want);
		if (!err)
			err = off_compare(&back->off);
	}
	if (!err && c->tune.at.begun) {
		back->tune.at.there = back->tune.yields = true;
		back->tune.space = c->tune.space;
		err = items_copy(&c->tune.at.before, &back->tune.at.want);
		if (!err)
			err = tune_compare(&back->tune);
	}
	if (err || !c->boot.begun)
		return err;
	back->boot.there = back->boot.said = back->boot.yields = true;
	err = boot_add_all(&back->boot.want, &c->boot.before);
	if (!err)
		err = boot_add_all(&back->boot.known, &c->boot.known);
	if (!err)
		err = boot_add_all(&back->boot.given_up, &c->boot.given_up);
	return err ? err : boot_compare(&back->boot, &p->diags);
}

/* What it takes to get every part back to where it was. */
static int way_back(struct plan *p, struct change *ret)
{
	_cleanup_(back_release) struct change back = { 0 };
	struct part *to;
	int err = 0;

	for (size_t i = 0; !err && i < p->change.n; i++) {
		struct part *m = &p->change.v[i];

		/* What is written from now on is something else. */
		m->wrote = false;
		if (!m->before)
			continue;
		err = change_add(&back, m->backend, &to);
		if (err)
			break;
		to->ctx = m->ctx;
		to->want = m->before;
		err = m->backend->snapshot(m->ctx, &to->live, &p->diags);
		if (!err)
			err = changeset_diff(to->want, to->live.image,
					     &to->changes);
	}
	if (!err)
		err = way_back_beside(p, &back);
	if (err)
		return err;
	*ret = back;
	back = (struct change){ 0 };
	return 0;
}

/* Does every target hold what it held before? */
static int verify_restored(struct plan *p)
{
	_cleanup_(back_release) struct change back = { 0 };
	int err = way_back(p, &back);

	if (!err && !change_is_empty(&back))
		err = -FAULT_HALF;
	return err;
}

static int verify_restored_settled(struct plan *p)
{
	int err = verify_restored(p);

	for (unsigned int i = 0; i < SETTLE_READS && err == -FAULT_HALF;
	     i++) {
		change_settle();
		err = verify_restored(p);
	}
	return err;
}

/* What could not be put back beside the rules is said, and not waited for. */
static int give_up_beside(struct plan *p, const struct change *back,
			  size_t *said)
{
	struct boot_edits *known = &p->change.boot.given_up;
	struct items *modules = &p->change.off.at.before;

	if (back->off.gave_up) {
		items_release(modules);
		if (items_copy(&back->off.at.want, modules))
			return -ENOMEM;
	}
	if (back->tune.gave_up)
		tune_forget_before(&p->change.tune, &back->tune);
	if (back->off.gave_up || back->tune.gave_up ||
	    back->boot.given_up.n > known->n)
		*said = p->diags.n;
	return boot_add_all(known, &back->boot.given_up);
}

/*
 * Go back from wherever we are: again when somebody else wrote meanwhile,
 * since giving up leaves the host in between.
 */
static int undo(struct plan *p)
{
	size_t said = p->diags.n;
	int err = -FAULT_STALE, gave_up;

	for (unsigned int i = 0; i < TRIES &&
	     (err == -FAULT_STALE || err == -FAULT_LOST); i++) {
		_cleanup_(back_release) struct change back = { 0 };
		struct progress progress;

		/* That somebody was overwritten remains true. */
		if (err == -FAULT_LOST)
			said = p->diags.n;
		diags_truncate(&p->diags, said);
		err = way_back(p, &back);
		if (!err)
			err = change_commit(&back, &progress, &p->diags);
		gave_up = give_up_beside(p, &back, &said);
		err = err ? err : gave_up;
	}
	return err ? err : verify_restored_settled(p);
}

static void say_how_to_recover(struct plan *p)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_NOT_RESTORED, NOPOS,
		 "could not restore the previous rules");
	if (p->state)
		diag_help(&p->diags,
			  "run 'ctpolicy recover' to try again, or 'ctpolicy remove' to remove all ctpolicy rules");
	else if (p->file && strcmp(p->file, "-"))
		diag_help(&p->diags,
			  "run 'ctpolicy apply %s', or 'ctpolicy remove' to remove all ctpolicy rules",
			  p->file);
	else
		diag_help(&p->diags,
			  "run 'ctpolicy remove' to remove all ctpolicy rules");
}

/* What something on the host forbids was not tried for longer than it took. */
static enum outcome restored_by(int err)
{
	return err == -FAULT_CONFLICT ? OUTCOME_REFUSED : OUTCOME_RESTORED;
}

static void go_back(struct plan *p, int err, struct transaction *t)
{
	t->err = err;
	t->outcome = undo(p) ? OUTCOME_NOT_RESTORED : restored_by(err);
	if (t->outcome == OUTCOME_NOT_RESTORED)
		say_how_to_recover(p);
	else
		tracking_undone(p, &t->tracking);
}

int transaction_compare(struct plan *p)
{
	int err = plan_compare(p);

	for (unsigned int i = 0; i < SETTLE_READS && !err &&
	     !change_is_empty(&p->change); i++) {
		change_settle();
		err = plan_compare(p);
	}
	return err;
}

/* A change that cannot be recorded must be undone. */
static void keep(struct plan *p, struct transaction *t)
{
	int err;

	tracking_after(p, &t->tracking);
	err = history_keep(p);
	t->outcome = OUTCOME_CHANGED;
	if (!err)
		return;
	go_back(p, err, t);
	if (t->outcome == OUTCOME_RESTORED)
		t->outcome = OUTCOME_NOT_RECORDED;
}

static int say_difference(struct plan *p)
{
	_cleanup_(strbuf_release) struct strbuf line = { 0 };
	const struct part *m = change_first(&p->change);

	if (!m || !m->changes || !m->changes->n) {
		if (p->change.off.at.steps.n)
			item_print_step(&p->change.off.at.steps.v[0], &line);
		else if (p->change.tune.at.steps.n)
			item_print_step(&p->change.tune.at.steps.v[0], &line);
		else
			boot_print_step(&p->change.boot.steps.v[0], &line);
		return diag_add(&p->diags, DIAG_ERROR, -EIO, ID_KERNEL_DIFFERS,
				NOPOS,
				"the kernel's modules, settings or the host's files differ from what was wanted; still to do: %s",
				strbuf_text(&line, &p->diags.lost));
	}
	m->backend->print_step(&m->changes->steps[0], &line);
	diag_add(&p->diags, DIAG_ERROR, 0, ID_KERNEL_DIFFERS, NOPOS,
		 "the kernel's rules differ from what was written; first difference: %s %s",
		 m->changes->steps[0].add ? "+" : "-",
		 strbuf_text(&line, &p->diags.lost));
	/* A rule of the host's that is new may move the place of ours. */
	diag_help(&p->diags,
		  "if another program changed rules at the same time, run it again");
	return -EIO;
}

/* A commit was tried: keep what was live before it. */
static void remember(struct plan *p, bool keeps_steps)
{
	for (size_t i = 0; i < p->change.n; i++) {
		struct part *m = &p->change.v[i];

		image_free(&m->before);
		m->before = TAKE_PTR(m->live.image);
		snapshot_release(&m->live);
		if (keeps_steps && m->steps) {
			changeset_free(&m->made);
			m->made = TAKE_PTR(m->changes);
		}
		changeset_free(&m->changes);
	}
	beside_remember(&p->change.off.at, keeps_steps);
	beside_remember(&p->change.tune.at, keeps_steps);
	boot_remember(&p->change.boot, keeps_steps);
}

static void forget_made(struct plan *p)
{
	for (size_t i = 0; i < p->change.n; i++)
		changeset_free(&p->change.v[i].made);
	p->change.off.at.made.n = 0;
	p->change.tune.at.made.n = 0;
	p->change.boot.made.n = 0;
}

/* The commit went through; does every target hold what we wanted? */
static void read_back(struct plan *p, struct transaction *t)
{
	int err;

	remember(p, p->rq->keeps_steps);
	err = transaction_compare(p);
	if (!err && !change_is_empty(&p->change))
		err = say_difference(p);
	if (err)
		go_back(p, err, t);
	else
		keep(p, t);
	if (t->outcome != OUTCOME_CHANGED)
		forget_made(p);
}

void transaction_release(struct transaction *t)
{
	tracking_release(&t->tracking);
}

bool transaction_succeeded(const struct transaction *t)
{
	return t->outcome == OUTCOME_UNCHANGED || t->outcome == OUTCOME_CHANGED;
}

/* The kernel was asked, and cannot do it or will not do it for us. */
static bool is_impossible(int err)
{
	return fault_of(err) == FAULT_PERMISSION ||
	       fault_of(err) == FAULT_LACKING;
}

static void commit_failed(struct plan *p, int err,
			  const struct progress *progress,
			  struct transaction *t)
{
	remember(p, false);
	t->err = err;
	if (!progress->begun) {
		t->outcome = OUTCOME_REFUSED;
		tracking_undone(p, &t->tracking);
		return;
	}
	/* What was written is no dump's mistake: do not wait for it to go. */
	if (progress->done || err == -FAULT_HALF ||
	    verify_restored_settled(p)) {
		go_back(p, err, t);
		return;
	}
	t->outcome = is_impossible(err) && !(progress->begun & BEGUN_UNDONE) ?
		     OUTCOME_REFUSED : restored_by(err);
	tracking_undone(p, &t->tracking);
}

static int say_stale(struct plan *p)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_KEPT_CHANGING, NOPOS,
		 "somebody else changed the live rules between reading and writing, %d times in a row; nothing was done",
		 TRIES);
	diag_help(&p->diags,
		  "run it again once they settle; 'nft monitor' shows who writes");
	return -FAULT_STALE;
}

static void change(struct plan *p, struct transaction *ret)
{
	size_t said = p->diags.n;
	struct progress progress;
	bool late = false;	/* it would have been refused before */
	int err = 0;

	for (unsigned int tries = 1; !err; tries++) {
		if (change_is_empty(&p->change))
			return;
		tracking_before(p, &ret->tracking);
		if (tries == 1)
			said = p->diags.n;
		ret->steps = change_steps(&p->change);
		err = history_begin(p);
		if (err)
			break;
		err = change_commit(&p->change, &progress, &p->diags);
		if (!err) {
			err = tune_catch_up(p, &progress.begun);
			late = err == -FAULT_LACKING;
		}
		if (!err) {
			ret->given_up = change_drop_given_up(&p->change);
			ret->steps = change_steps(&p->change);
			read_back(p, ret);
			return;
		}
		if (err != -FAULT_STALE || progress.done) {
			commit_failed(p, err, &progress, ret);
			if (late && ret->outcome == OUTCOME_RESTORED)
				ret->outcome = OUTCOME_REFUSED;
			return;
		}
		/* Replanned: a refusal that did not last is no error. */
		diags_truncate(&p->diags, said);
		err = tries < TRIES ? plan_compare(p) : say_stale(p);
	}
	ret->outcome = err == -FAULT_STALE ? OUTCOME_STALE : OUTCOME_REFUSED;
	ret->err = err;
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
	if (ret->outcome != OUTCOME_NOT_RESTORED)
		off_settle(p, transaction_succeeded(ret));
	if (ret->outcome != OUTCOME_NOT_RESTORED)
		tune_settle(p, transaction_succeeded(ret));
	boot_settle(p);
	if (ret->outcome == OUTCOME_UNCHANGED && !p->rq->repairs)
		history_renew(p);
	signals_release(&before);
}
