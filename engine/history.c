/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/digest.h"
#include "core/mem.h"
#include "engine/boot_keep.h"
#include "engine/off_aim.h"
#include "engine/originals.h"
#include "engine/plan_text.h"
#include "engine/tune_keep.h"
#include "host/author.h"

/* The parts of the change that something is written to. */
static int write_parts(struct plan *p, struct record *rec)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->change.n; i++) {
		const struct part *m = &p->change.v[i];
		struct record_part *part;

		if (!m->changes || !m->changes->n)
			continue;
		part = record_add_part(rec, m->backend->name);
		err = part ? past_write(m->backend, m->live.image, m->want,
					part, &p->diags) :
			     -ENOMEM;
	}
	if (!err)
		err = off_write_record(&p->change.off, rec);
	if (!err)
		err = tune_write_record(&p->change.tune, rec);
	return err ? err : boot_write_record(&p->change.boot, rec);
}

static int cannot_read_back(struct plan *p, int err)
{
	diag_add(&p->diags, DIAG_ERROR, 0, ID_STATE_FILE, NOPOS,
		 "cannot read the policy back from %s, where it was put aside: %s",
		 state_path(p->state), strerror(-err));
	return -EIO;
}

/* The policy, and how it was to be applied; of an undo, the change's. */
static int sign_policy(struct plan *p, struct record *rec)
{
	const struct record *of = p->of;
	const struct rules_text own = { p->text, p->len, p->aside };
	const struct rules_text *text = of ? &of->policy_text : &own;
	const char *backend = of ? of->backend :
			      p->change.n ? p->change.v[0].backend->name : NULL;
	struct state_piece piece = rules_text_piece(text);
	int err;

	if (!rules_text_is_there(text))
		return 0;
	rec->family = of ? of->family : p->rq->family;
	rec->force = of ? of->force : p->rq->force;
	rec->backend = backend ? strdup(backend) : NULL;
	rec->policy_text = *text;
	rec->borrows_policy = true;
	if (!rec->backend && backend)
		return -ENOMEM;
	rec->policy_digest = DIGEST_START;
	err = state_piece_digest(&piece, &rec->policy_digest);
	return err ? cannot_read_back(p, err) : 0;
}

/* Whoever reads it later may be in another folder. */
static int sign_file(const char *file, struct record *rec)
{
	_cleanup_free_ char *here = NULL;
	char *path = NULL;

	if (*file != '/' && strcmp(file, "-") != 0)
		here = getcwd(NULL, 0);
	if (!here)
		path = strdup(file);
	else if (asprintf(&path, "%s/%s", strcmp(here, "/") ? here : "",
			  file) < 0)
		path = NULL;
	rec->policy = path;
	return path ? 0 : -ENOMEM;
}

/* What is done, and by which policy. */
static int sign(struct plan *p, struct record *rec)
{
	const char *file = p->of ? p->of->policy : p->file;

	rec->command = strdup(p->rq->command);
	if (!rec->command || (file && sign_file(file, rec)))
		return -ENOMEM;
	return sign_policy(p, rec);
}

/* What outlives the record. */
static int note(struct plan *p)
{
	int err = originals_keep(p);

	if (!err)
		err = off_note(p);
	if (!err)
		err = tune_note(p);
	return err ? err : boot_note(p);
}

static int sign_author(struct record *rec)
{
	struct author a = { 0 };
	int err = author_find(&a);

	if (err)
		return err;
	rec->via = a.via ? strdup(a.via) : NULL;
	if (a.via && !rec->via)
		err = -ENOMEM;
	rec->user = TAKE_PTR(a.user);
	rec->tty = TAKE_PTR(a.tty);
	rec->unit = TAKE_PTR(a.unit);
	return err;
}

static int write_down(struct plan *p, struct record *rec)
{
	int err = sign(p, rec);

	if (!err)
		err = sign_author(rec);
	if (!err)
		err = write_parts(p, rec);
	return err ? err : journal_begin(p->state, rec, &p->diags);
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
	int err;

	describe_trial(p, &w);
	err = pending_write(p->state, &w, &p->diags);
	if (!err && !p->waits)
		err = p->rq->detach(p->rq, p->change.off.at.there,
				    &p->diags);
	if (err)
		(void)pending_drop(p->state, &p->diags);
	else
		p->waits = id;
	return err;
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
	int err;

	if (!p->state)
		return 0;
	if (p->recovers || p->unjournaled)
		return boot_note(p);
	err = note(p);
	if (!err)
		err = write_down(p, &rec);
	if (err)
		err = go_without(p, said, err);
	if (!err && p->rq->confirm)
		err = begin_waiting(p, rec.id);
	return err;
}

int history_keep(struct plan *p)
{
	int err = 0;

	if (!p->state)
		return 0;
	if (p->unjournaled) {
		if (p->takes_back)
			state_forget_record(p->state, p->takes_back);
		return 0;
	}
	if (p->waits)
		err = restart_waiting(p);
	if (err)
		return err;
	return p->rq->repairs || (p->recovers && !p->takes_back) ?
		journal_drop(p->state, &p->diags) :
		journal_finish(p->state, &p->diags);
}

static bool is_renewed(const struct plan *p, const struct record *is,
		       const struct record *was)
{
	return !strcmp(was->space, state_space(p->state)) &&
	       was->policy_text.s && !strcmp(was->policy, is->policy) &&
	       !strcmp(was->policy_text.s, is->policy_text.s) &&
	       was->family == is->family && was->force == is->force &&
	       was->backend && !strcmp(was->backend, is->backend);
}

/* What was undone, or removed, was made by no policy. Its author stays. */
void history_renew(struct plan *p)
{
	_cleanup_(record_release) struct record was = { 0 };
	_cleanup_(record_release) struct record is = { 0 };
	_cleanup_(diags_release) struct diags said = { 0 };

	plan_bring_text_back(p);
	if (!p->state || !p->text || !p->change.n || p->recovers ||
	    state_newest(p->state, &was, &said) || !was.policy ||
	    sign(p, &is) || !is.policy || is_renewed(p, &is, &was))
		return;
	is.id = was.id;
	is.of = was.of;
	is.time = was.time;
	is.user = TAKE_PTR(was.user);
	is.via = TAKE_PTR(was.via);
	is.tty = TAKE_PTR(was.tty);
	is.unit = TAKE_PTR(was.unit);
	snprintf(is.space, sizeof(is.space), "%s", state_space(p->state));
	is.parts = was.parts;
	is.n_parts = was.n_parts;
	(void)state_renew_record(p->state, &is, &said);
	is.parts = NULL;
	is.n_parts = 0;
}

int history_drop(struct plan *p)
{
	int err;

	if (!p->state || p->recovers || p->unjournaled)
		return 0;
	err = journal_drop(p->state, &p->diags);
	if (!err && p->waits)
		err = pending_drop(p->state, &p->diags);
	return err;
}
