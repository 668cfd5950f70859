/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/change.h"

#include <errno.h>
#include <time.h>

#include "core/mem.h"

/*
 * Packets that passed the hooks while NOTRACK was there still need the accept
 * rules: long enough for them to get through.
 */
#define PASSING_MS 100

/* What all parts do before any of them goes on. */
static const struct turn {
	enum phase first, last;
} turns[] = {
	{ PHASE_ADD_ACCEPT, PHASE_ADD_ACCEPT },
	{ PHASE_ADD_NOTRACK, PHASE_ADD_NOTRACK },
	{ PHASE_DEL_NOTRACK_REQUEST, PHASE_DEL_NOTRACK_REPLY },
	{ PHASE_DEL_ACCEPT, PHASE_DEL_ACCEPT },
};

static void pause_ms(long ms)
{
	struct timespec left = { .tv_nsec = ms * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

void change_settle(void)
{
	pause_ms(50);
}

int change_add(struct change *c, const struct backend *b, struct part **ret)
{
	if (mem_grow(&c->v, &c->cap, c->n + 1))
		return -ENOMEM;
	c->v[c->n] = (struct part){ .backend = b };
	*ret = &c->v[c->n++];
	return 0;
}

static size_t steps_of(const struct part *m)
{
	return m->changes ? changeset_count(m->changes) : 0;
}

size_t change_rule_steps(const struct change *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += steps_of(&c->v[i]);
	return n;
}

size_t change_steps(const struct change *c)
{
	return change_rule_steps(c) + c->off.at.steps.n +
	       c->tune.at.steps.n + c->boot.steps.n;
}

static size_t drop_items(struct item_steps *s, const struct items *want,
			 bool removed)
{
	size_t n = 0, all = s->n;

	for (size_t i = 0; i < all; i++) {
		const struct item_step *x = &s->v[i];
		bool wanted = items_value(want, x->item.kind, x->item.key);

		/* Want of what is given up is what is there. */
		if (removed ? x->add || !wanted : wanted)
			s->v[n++] = *x;
	}
	s->n = n;
	return all - n;
}

static size_t drop_edits(struct boot *b)
{
	size_t n = 0, all = b->steps.n;

	for (size_t i = 0; i < all; i++)
		if (!boot_has(&b->given_up, &b->steps.v[i].edit))
			b->steps.v[n++] = b->steps.v[i];
	b->steps.n = n;
	return all - n;
}

size_t change_drop_given_up(struct change *c)
{
	size_t n = drop_edits(&c->boot);

	if (c->off.gave_up)
		n += drop_items(&c->off.at.steps, &c->off.at.want, true);
	return n + drop_items(&c->tune.at.steps, &c->tune.at.want, false);
}

bool change_is_empty(const struct change *c)
{
	return !change_steps(c);
}

const struct part *change_first(const struct change *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (steps_of(&c->v[i]) || c->v[i].made)
			return &c->v[i];
	return c->n ? c->v : NULL;
}

const char *change_target(const struct change *c)
{
	const struct part *m = change_first(c);

	return m ? m->backend->name : c->off.at.there ? OFF_TARGET :
	       c->tune.at.there ? TUNE_TARGET : c->boot.there ? BOOT_TARGET : "";
}

static int commit(struct part *m, const struct changeset *cs,
		  struct stamp stamp, struct progress *p, struct diags *d)
{
	int err = m->backend->commit(m->ctx, cs, stamp, false, &p->begun, d);

	p->done += !err;
	return err;
}

/* A part between two turns: what is there, and what is left to do. */
struct rest {
	struct snapshot now;
	struct changeset *cs;
};

static void rest_release(struct rest *r)
{
	changeset_free(&r->cs);
	snapshot_release(&r->now);
}

static int read_rest(const struct part *m, struct rest *r, struct diags *d)
{
	int err;

	rest_release(r);
	err = m->backend->snapshot(m->ctx, &r->now, d);
	return err ? err : changeset_diff(m->want, r->now.image, &r->cs);
}

/* What earlier turns did must still be there, or somebody undid it. */
static int read_rest_settled(const struct part *m, const struct turn *t,
			     struct rest *r, struct diags *d)
{
	int err = read_rest(m, r, d);

	for (unsigned int i = 0; i < SETTLE_READS && !err && r->cs->n &&
	     r->cs->steps[0].phase < t->first; i++) {
		change_settle();
		err = read_rest(m, r, d);
	}
	if (!err && r->cs->n && r->cs->steps[0].phase < t->first)
		err = -FAULT_STALE;
	return err;
}

/* The steps of one turn, as a changeset that borrows them. */
static struct changeset cut(const struct changeset *cs, const struct turn *t)
{
	struct changeset c = *cs;
	size_t from = 0, to;

	while (from < cs->n && cs->steps[from].phase < t->first)
		from++;
	for (to = from; to < cs->n && cs->steps[to].phase <= t->last; to++)
		;
	c.steps = cs->steps + from;
	c.n = to - from;
	return c;
}

/* One part's steps of this turn; *begun: it had a turn already. */
static int take_turn(struct part *m, const struct turn *t, bool *begun,
		     struct progress *p, struct diags *d)
{
	_cleanup_(rest_release) struct rest rest = { 0 };
	struct changeset now = cut(m->changes, t);
	struct stamp stamp = m->live.stamp;
	int err = 0;

	if (!now.n)
		return 0;
	if (*begun) {
		err = read_rest_settled(m, t, &rest, d);
		if (err)
			return err;
		now = cut(rest.cs, t);
		stamp = rest.now.stamp;
	}
	*begun = true;
	return now.n ? commit(m, &now, stamp, p, d) : 0;
}

static int take_turns(struct change *c, struct progress *p, struct diags *d)
{
	_cleanup_free_ bool *begun = calloc(c->n, sizeof(*begun));
	size_t done = 0;
	int err = begun ? 0 : -ENOMEM;

	for (size_t t = 0; !err && t < ARRAY_SIZE(turns); t++) {
		if (turns[t].first == PHASE_DEL_ACCEPT && p->done > done)
			pause_ms(PASSING_MS);
		done = p->done;
		for (size_t i = 0; !err && i < c->n; i++)
			if (c->v[i].changes)
				err = take_turn(&c->v[i], &turns[t], &begun[i],
						p, d);
	}
	return err;
}

static int commit_whole(struct part *m, struct progress *p, struct diags *d)
{
	int err = commit(m, m->changes, m->live.stamp, p, d);

	m->wrote = !err;
	return err;
}

static int commit_parts(struct change *c, struct progress *ret,
			struct diags *d)
{
	struct part *alone = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		c->v[i].steps = steps_of(&c->v[i]);
		if (c->v[i].steps) {
			alone = &c->v[i];
			n++;
		}
	}
	if (n > 1)
		return take_turns(c, ret, d);
	return n ? commit_whole(alone, ret, d) : 0;
}

int change_commit(struct change *c, struct progress *ret, struct diags *d)
{
	int err;

	*ret = (struct progress){ 0 };
	/* Rules may need the modules; while they are there, none can go. */
	err = off_bring_back(&c->off, &ret->begun, d);
	if (!err)
		err = tune_commit(&c->tune, &ret->begun, d);
	ret->done += ret->begun != BEGUN_NOT;
	if (!err)
		err = commit_parts(c, ret, d);
	if (!err)
		err = off_take_out(&c->off, &ret->begun, d);
	/* Last, since what went before is the likelier to fail. */
	if (!err)
		err = tune_commit_files(&c->tune, &ret->begun, d);
	return err ? err : boot_commit(&c->boot, &ret->begun, d);
}

void part_release(struct part *m)
{
	changeset_free(&m->changes);
	changeset_free(&m->made);
	past_free(&m->past);
	image_free(&m->want);
	image_free(&m->made_want);
	image_free(&m->before);
	snapshot_release(&m->live);
	survey_release(&m->elsewhere);
	if (m->ctx)
		m->backend->close(&m->ctx);
	*m = (struct part){ 0 };
}

void change_release(struct change *c)
{
	for (size_t i = 0; i < c->n; i++)
		part_release(&c->v[i]);
	free(c->v);
	off_release(&c->off);
	tune_release(&c->tune);
	boot_release(&c->boot);
	*c = (struct change){ 0 };
}
