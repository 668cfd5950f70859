/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/history.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/digest.h"
#include "core/mem.h"

/* The parts of the change that something is written to. */
static int write_parts(struct plan *p, struct record *rec)
{
	int r = 0;

	for (size_t i = 0; !r && i < p->change.n; i++) {
		const struct part *m = &p->change.v[i];
		struct record_part *part;

		if (!m->changes || !m->changes->n)
			continue;
		part = record_add_part(rec, m->backend->name);
		r = part ? past_write(m->backend, m->live.image, m->want, part,
				      &p->diags) : -ENOMEM;
	}
	return r;
}

/* What is done, and by which policy. */
static int sign(const struct plan *p, struct record *rec)
{
	rec->command = strdup(p->rq->command);
	rec->policy = p->file ? strdup(p->file) : NULL;
	if (p->text)
		rec->policy_digest = digest_add(DIGEST_START, p->text, p->len);
	return rec->command && (rec->policy || !p->file) ? 0 : -ENOMEM;
}

static int write_down(struct plan *p, struct record *rec)
{
	int r = sign(p, rec);

	if (!r)
		r = write_parts(p, rec);
	return r ? r : journal_begin(p->state, rec, &p->diags);
}

/* Where it is on trial, and which login may not confirm it. */
static void describe_trial(const struct plan *p, struct pending *ret)
{
	memcpy(ret->space, state_space(p->state), sizeof(ret->space));
	if (p->logins)
		logins_remember(p->logins, ret->login, sizeof(ret->login));
}

/*
 * Before the kernel is changed: if the command dies in between, the waiter
 * rolls back what was done. When replanned, the waiter is there already.
 */
static int begin_waiting(struct plan *p, uint32_t id)
{
	struct pending w = {
		.id = id, .deadline = clock_deadline(p->rq->confirm),
	};
	int r;

	describe_trial(p, &w);
	r = pending_write(p->state, &w, &p->diags);
	if (!r && !p->waits)
		r = p->rq->detach(p->rq, &p->diags);
	if (r)
		(void)pending_drop(p->state, &p->diags);
	else
		p->waits = id;
	return r;
}

/* The user's time begins when the change is made. */
static int restart_waiting(struct plan *p)
{
	struct pending w = {
		.id = p->waits, .deadline = clock_deadline(p->rq->confirm),
	};

	describe_trial(p, &w);
	return pending_write(p->state, &w, &p->diags);
}

/*
 * Undoing and removing must work on a disk that is full or read-only. If they
 * are interrupted, they are simply run again.
 */
static int go_without(struct plan *p, size_t said, int err)
{
	if (err != -EIO || p->file)
		return err;
	diags_truncate(&p->diags, said);
	diag_add(&p->diags, DIAG_WARNING, 0, ID_UNRECORDED, NOPOS,
		 "cannot record the change in %s; it is made anyway, but cannot be rolled back",
		 state_path(p->state));
	diag_help(&p->diags, "if it is interrupted, run it again");
	p->unjournaled = true;
	return 0;
}

int history_begin(struct plan *p)
{
	_cleanup_(record_release) struct record rec = {
		.of = p->takes_back,
	};
	size_t said = p->diags.n;
	int r;

	if (!p->state || p->recovers || p->unjournaled)
		return 0;
	r = write_down(p, &rec);
	if (r)
		r = go_without(p, said, r);
	if (!r && p->rq->confirm)
		r = begin_waiting(p, rec.id);
	return r;
}

int history_keep(struct plan *p)
{
	int r = 0;

	if (!p->state)
		return 0;
	if (p->unjournaled) {
		if (p->takes_back)
			state_forget_record(p->state, p->takes_back);
		return 0;
	}
	if (p->waits)
		r = restart_waiting(p);
	if (r)
		return r;
	return p->recovers && !p->takes_back ?
		journal_drop(p->state, &p->diags) :
		journal_finish(p->state, &p->diags);
}

int history_drop(struct plan *p)
{
	int r;

	if (!p->state || p->recovers || p->unjournaled)
		return 0;
	r = journal_drop(p->state, &p->diags);
	if (!r && p->waits)
		r = pending_drop(p->state, &p->diags);
	return r;
}
