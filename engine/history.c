/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/history.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"

/*
 * The part of an image that can be written and read again. Somebody's
 * handiwork in our chains that no rule of ours can be is left out.
 */
struct known {
	struct image img;	/* its arrays are ours, the rest is borrowed */
	size_t left_out;
};

static void known_release(struct known *k)
{
	for (size_t i = 0; i < k->img.n_tables; i++) {
		struct image_table *t = &k->img.tables[i];

		for (size_t c = 0; c < t->n_chains; c++)
			free(t->chains[c].rules);
		free(t->chains);
	}
	free(k->img.tables);
	*k = (struct known){ 0 };
}

static int know_chain(struct known *k, const struct image_chain *from,
		      struct image_chain *to)
{
	*to = *from;
	to->n_rules = 0;
	to->rules = calloc(from->n_rules + 1, sizeof(*to->rules));
	if (!to->rules)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_rules; i++)
		if (from->rules[i].verdict == VERDICT_UNKNOWN)
			k->left_out++;
		else
			to->rules[to->n_rules++] = from->rules[i];
	return 0;
}

static int know_table(struct known *k, const struct image_table *from,
		      struct image_table *to)
{
	int r = 0;

	*to = *from;
	to->n_chains = 0;
	to->chains = calloc(from->n_chains + 1, sizeof(*to->chains));
	if (!to->chains)
		return -ENOMEM;
	for (size_t i = 0; !r && i < from->n_chains; i++)
		r = know_chain(k, &from->chains[i],
			       &to->chains[to->n_chains++]);
	return r;
}

static int know(const struct image *from, struct known *k)
{
	int r = 0;

	k->img.tables = calloc(from->n_tables + 1, sizeof(*k->img.tables));
	if (!k->img.tables)
		return -ENOMEM;
	for (size_t i = 0; !r && i < from->n_tables; i++)
		r = know_table(k, &from->tables[i],
			       &k->img.tables[k->img.n_tables++]);
	return r;
}

static int to_text(const struct backend *b, const struct image *img,
		   struct rules_text *ret)
{
	FILE *f = open_memstream(&ret->s, &ret->len);
	int r, cut;

	if (!f)
		return -ENOMEM;
	r = b->render(img, f);
	cut = ferror(f);
	if ((fclose(f) || cut || !ret->s) && !r)
		r = -ENOMEM;
	return r;
}

static void note_left_out(struct plan *p, size_t n)
{
	diag_add(&p->diags, DIAG_WARNING, 0, ID_HAND_EDITED, NOPOS,
		 "%zu rules in chains of ours were changed by hand into what no policy makes; a rollback will not bring them back",
		 n);
}

static int write_down(struct plan *p, struct record *rec)
{
	_cleanup_(known_release) struct known k = { 0 };
	const struct part *m = change_first(&p->change);
	int r = know(m->live.image, &k);

	rec->backend = m->backend->name;
	if (!r)
		r = to_text(m->backend, &k.img, &rec->before);
	if (!r)
		r = to_text(m->backend, m->want, &rec->after);
	if (!r)
		r = journal_begin(p->state, rec, &p->diags);
	if (!r && k.left_out)
		note_left_out(p, k.left_out);
	return r;
}

/* Where it is on trial, and whose word does not count. */
static void describe_trial(const struct plan *p, struct pending *ret)
{
	memcpy(ret->space, state_space(p->state), sizeof(ret->space));
	if (p->logins)
		logins_remember(p->logins, ret->login, sizeof(ret->login));
}

/*
 * Before the kernel hears of it: when the command dies in between, the waiter
 * takes back what there is. Planned anew, the waiter is there already.
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
 * A way back, and a removal, must be possible on a disk that is full or can
 * only be read. Interrupted, they are begun again.
 */
static int go_without(struct plan *p, size_t said, int err)
{
	if (err != -EIO || p->file)
		return err;
	diags_truncate(&p->diags, said);
	diag_add(&p->diags, DIAG_WARNING, 0, ID_UNRECORDED, NOPOS,
		 "the change cannot be written down in %s, and is made nevertheless; it cannot be rolled back",
		 state_path(p->state));
	diag_help(&p->diags, "should it be interrupted, run it again");
	p->unjournaled = true;
	return 0;
}

int history_begin(struct plan *p)
{
	struct record rec = {
		.of = p->takes_back, .command = p->rq->command,
		.policy = p->file,
	};
	size_t said = p->diags.n;
	int r;

	if (!p->state || p->recovers || p->unjournaled)
		return 0;
	r = write_down(p, &rec);
	free(rec.before.s);
	free(rec.after.s);
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
