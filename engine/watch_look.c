/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/watch_look.c: is it in force? And if not, put it back. */
#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "engine/apply.h"
#include "engine/recovery.h"
#include "engine/watch.h"
#include "rules/own_names.h"

#define RULES_SHOWN 10
#define RULE_SHOWN 200		/* letters */

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
	logins_release(&look->logins);
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
	/* A repair that was cut short is ours to finish. */
	*ret = (!err && !record_is_repair(&journal)) || w.there;
	return err == -ENOENT ? 0 : err;
}

/* What is to be in force: the policy of the newest change. */
static int take_aim(struct watch_look *look, struct aim *a)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	int err = state_newest(a->state, &a->record, &said);

	look->change = a->record.id;
	if (look->fresh->change != look->change)
		look->fresh->rules.n = 0;
	look->fresh->change = look->change;
	look->sight = WATCH_NOTHING;
	if (err == -ENOENT || (!err && !a->record.policy_text.s))
		return 0;
	look->sight = WATCH_PAST;
	if (!err && strcmp(a->record.space, state_space(a->state)))
		return 0;
	look->sight = WATCH_IN_FORCE;
	plan_release(&look->plan);
	if (!err)
		err = plan_load_kept(&look->plan, &look->request, &a->record);
	diags_append(&look->plan.diags, &said);
	look->plan.state = a->state;
	return err;
}

/*
 * Whoever writes rules one by one may not be done yet: look so often, unless
 * that takes long, or the kernel tells of each write and did not for a while.
 */
#define READS 3
#define DEAR_NS 50000000

/* No apply has replaced it. */
static bool is_fresh(const struct watch_look *look, const struct edit_shown *e)
{
	return !e->known || originals_find(&look->fresh->rules, e->family,
					   e->table, e->stand_in);
}

static bool is_for(const struct edit_shown *e, const struct step *s,
		   const char *chain)
{
	return e->family == s->table->family &&
	       !strcmp(e->table, s->table->name) && !strcmp(e->stand_in, chain);
}

/* The chain that a step makes, fills or leads to; NULL: another step. */
static const char *chain_of(const struct step *s)
{
	const char *name = s->chain ? s->chain->name : NULL;

	if (!name || !s->add)
		return NULL;
	if (s->kind == STEP_RULE && !own_names_edit(name))
		name = s->rule->target;
	return name && own_names_edit(name) ? name : NULL;
}

/* Does nothing but a fresh rule call for it? */
static bool is_for_fresh(const struct watch_look *look, const struct part *m,
			 const struct step *s)
{
	const struct edits *edits = &look->plan.edits;
	const struct image_table *live = image_find_table(m->live.image,
							  s->table->family,
							  s->table->name);
	const char *chain = chain_of(s);

	if (!chain)
		return s->add && s->kind == STEP_SET &&
		       !own_names_table(s->table->family, s->table->name);
	for (size_t i = 0; i < edits->n; i++)
		if (is_for(&edits->v[i], s, chain))
			return is_fresh(look, &edits->v[i]);
	/* One that it leads to, which others would have made already. */
	return live && !image_find_chain(live, chain);
}

/*
 * A rule alone is no reload: the program that wrote it runs, asks for it and
 * deletes it by its own words. It is replaced only where something of ours is
 * missing as well; else it stays, and so do the rules of all parts.
 */
static size_t find_left(const struct watch_look *look)
{
	const struct plan *p = &look->plan;
	size_t n = 0;

	for (size_t i = 0; i < p->change.n; i++) {
		const struct part *m = &p->change.v[i];

		for (size_t k = 0; m->changes && k < m->changes->n; k++, n++)
			if (!is_for_fresh(look, m, &m->changes->steps[k]))
				return 0;
	}
	return n ? p->edits.n : 0;
}

static void say_rule(struct plan *p, const struct edit_shown *e,
		     const char *became)
{
	diag_add(&p->diags, DIAG_WARNING, 0, ID_UNREVIEWED, NOPOS,
		 "chain %s of table %s %s: this rule matches states and was added since the last apply%s: %.*s",
		 e->chain, nfproto_name(e->family), e->table, became,
		 RULE_SHOWN, e->rule);
}

static void say_more(struct plan *p, size_t n, const char *became)
{
	if (n > RULES_SHOWN)
		diag_add(&p->diags, DIAG_NOTE, 0, ID_UNREVIEWED, NOPOS,
			 "%zu more such rules %s", n - RULES_SHOWN, became);
}

static void say_left(struct watch_look *look)
{
	struct plan *p = &look->plan;

	for (size_t i = 0; i < p->edits.n && i < RULES_SHOWN; i++)
		say_rule(p, &p->edits.v[i], "; it stays as it is");
	say_more(p, look->left, "stay as they are");
	diag_help(&p->diags,
		  "'ctpolicy diff' shows what would take its place, 'ctpolicy apply' replaces it");
}

static void leave_parts(struct change *c)
{
	for (size_t i = 0; i < c->n; i++)
		part_release(&c->v[i]);
	c->n = 0;
}

static int compare(struct watch_look *look, unsigned int reads)
{
	struct plan *p = &look->plan;
	uint64_t worked = clock_worked_ns();
	int err = apply_compare(p);

	for (size_t i = 0; i < p->change.n; i++)
		look->polls |= p->change.v[i].backend->world == WORLD_LEGACY;
	if (clock_worked_ns() - worked > DEAR_NS ||
	    (look->quiet && !look->polls))
		reads = 1;
	for (unsigned int i = 1; i < reads && !err &&
	     !change_is_empty(&p->change); i++) {
		change_settle();
		err = plan_compare(p);
	}
	look->steps = change_steps(&p->change);
	look->left = err ? 0 : find_left(look);
	if (look->left) {
		say_left(look);
		look->steps -= change_rule_steps(&p->change);
	}
	return err;
}

static int look_on(struct watch_look *look, struct aim *a)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	bool unsettled = false;
	int err = state_open_reading(look->request.state_dir, &a->state, &said);

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
		err = take_aim(look, a);
	return err || look->sight != WATCH_IN_FORCE ? err :
		compare(look, READS);
}

/* Nobody saw in a diff what that means. */
static void help_first(struct plan *p, uint32_t admits, uint32_t loses)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (admits)
		strbuf_puts(&b, "newly admitted: ");
	stateless_print_admits(admits, &b);
	if (loses)
		strbuf_puts(&b, b.n ? "; lost: " : "lost: ");
	stateless_join_loses(loses, ", ", &b);
	strbuf_printf(&b, "%s'ctpolicy remove' puts the host's rules back",
		      b.n ? "; " : "");
	if (!strbuf_status(&b))
		diag_help(&p->diags, "%s", strbuf_text(&b, &p->diags.lost));
}

/* They are on record as soon as it is tried to replace them. */
static int note_fresh(struct watch_look *look)
{
	const struct edits *edits = &look->plan.edits;
	int err = 0;

	for (size_t i = 0; !err && i < edits->n; i++) {
		const struct edit_shown *e = &edits->v[i];
		const struct original x = { e->family, e->table, e->stand_in,
					    "" };

		if (!e->known)
			err = originals_add(&look->fresh->rules, &x);
	}
	return err;
}

/* The policy wants every such rule replaced: those of a reload, too. */
static void say_first_replaced(struct watch_look *look)
{
	struct plan *p = &look->plan;
	uint32_t admits = 0, loses = 0;

	for (size_t i = 0; i < p->edits.n; i++) {
		const struct edit_shown *e = &p->edits.v[i];

		if (!is_fresh(look, e))
			continue;
		admits |= e->admits;
		loses |= e->loses;
		if (look->first_replaced++ < RULES_SHOWN)
			say_rule(p, e, ", so it was replaced");
	}
	say_more(p, look->first_replaced, "were replaced");
	if (look->first_replaced)
		help_first(p, admits, loses);
	look->fresh->rules.n = 0;
}

static int find_repair(struct watch_look *look, struct aim *a)
{
	int err;

	plan_release(&look->plan);
	look->plan = (struct plan){ .rq = &look->request };
	err = apply_settle(&look->plan, &a->state);
	look->tried = err != 0;
	if (!err)
		err = take_aim(look, a);
	if (err || look->sight != WATCH_IN_FORCE)
		return err;
	err = compare(look, 1);
	if (err || !look->steps)
		return err;
	err = look->left ? 0 : note_fresh(look);
	if (!err)
		err = logins_find_all(&look->logins);
	look->plan.logins = &look->logins;
	if (!err)
		err = apply_check(&look->plan);
	if (!err && look->left)
		leave_parts(&look->plan.change);
	/* Settings that cannot be put back are wanted no more. */
	return !err && change_is_empty(&look->plan.change) ? -FAULT_CONFLICT :
							      err;
}

/* The same with the lock held, under which nobody of ours writes. */
static int mend(struct watch_look *look, struct aim *a)
{
	int err = find_repair(look, a);

	if (err || look->sight != WATCH_IN_FORCE || !look->steps)
		return err;
	look->tried = true;
	transact(&look->plan, &look->done);
	/* All of it was given up. */
	if (look->done.outcome == OUTCOME_CHANGED && !look->done.steps)
		return -FAULT_CONFLICT;
	if (look->done.outcome == OUTCOME_CHANGED) {
		look->sight = WATCH_REPAIRED;
		if (!look->left)
			say_first_replaced(look);
	}
	look->steps = look->done.steps;
	return transaction_succeeded(&look->done) ? 0 :
	       look->done.err ? look->done.err : -FAULT_STALE;
}

/* Somebody else is at work, or has left something that is not over. */
static enum watch_sight sight_of(int err, enum watch_sight otherwise)
{
	return err == -FAULT_BUSY ? WATCH_TRIAL : otherwise;
}

void watch_look(struct watch_look *look, const struct request *rq, bool mends)
{
	_cleanup_(aim_release) struct aim first = { 0 }, second = { 0 };

	look->request = *rq;
	look->request.repairs = true;
	look->err = look_on(look, &first);
	if (look->err) {
		/* What the policy forbids is there: that much is known. */
		look->sight = sight_of(look->err,
				       look->err == -FAULT_CONFLICT ?
					       WATCH_FAILED : WATCH_UNKNOWN);
	} else if (look->sight == WATCH_IN_FORCE && look->steps) {
		look->sight = WATCH_WAITS;
		look->err = mends ? mend(look, &second) : 0;
		if (look->err)
			look->sight = sight_of(look->err, WATCH_FAILED);
	}
	/* It goes with this call. */
	look->plan.state = NULL;
}
