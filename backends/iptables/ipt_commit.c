/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_commit.c: changeset to kernel, phase by phase. A table
 * of one family is the most that changes at once, so a failure half-way is
 * undone towards the live image.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "backends/iptables/ipt_exchange.h"
#include "backends/iptables/ipt_kernel.h"
#include "backends/iptables/ipt_lock.h"
#include "backends/iptables/ipt_mirror.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/iptables/ipt_set_steps.h"
#include "backends/iptables/ipt_witness.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"

/*
 * Between taking out NOTRACK of the two directions, and the accepts: long
 * enough for packets on their way to pass the hooks behind.
 */
#define REMOVAL_PAUSE_MS 100

/* How often one table is tried while others write to it without the lock. */
#define TABLE_TRIES 20

struct commit {
	struct backend_ctx *ctx;
	const struct changeset *cs;
	struct diags *d;
	struct ipt_mirrors mirrors;
	unsigned int *begun;		/* enum begun */
	bool removed;			/* a phase of removals is done */
	bool back;			/* this undoes: a loss stops nothing */
	bool lost;			/* what others wrote was overwritten */
};

static int build_entry(const struct step *s, void **ret, struct diags *d)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	const struct origin *o = step_origin(s);
	int err = ipt_args_encode(s->rule, s->table->family, &a);

	if (err == -EOPNOTSUPP)
		return diag_add(d, DIAG_ERROR, err, ID_INEXPRESSIBLE, o->at,
				"iptables cannot express this rule");
	return err ? err : xt_build(s->table->family, &a,
					s->rule->verdict == VERDICT_WORDS ?
						NULL : ipt_chain_is_ours,
				    o->at, ret, d);
}

/* Of two jumps at one place the second may have come in an earlier phase. */
static size_t place_behind(const struct ipt_mirror *m, const struct step *s)
{
	const struct image_rule *end = s->chain->rules + s->chain->n_rules;
	size_t at = ipt_mirror_behind(m, image_rule_behind(s->chain, s->rule));

	while (at && m->v[at - 1] > s->rule && m->v[at - 1] < end)
		at--;
	return at;
}

static int add_rule(struct commit *c, struct ipt_legacy *t,
		    const struct step *s)
{
	_cleanup_free_ void *entry = NULL;
	struct ipt_mirror *m;
	size_t at;
	int err = ipt_mirror_get(&c->mirrors, t, s->chain->name, c->cs->live,
				 &m);

	if (!err)
		err = build_entry(s, &entry, c->d);
	if (err)
		return err;
	if (s->rule->original)
		return ipt_exchange(t, m, s, entry, c->d);
	at = !s->chain->foreign ||
			     image_rule_is_next(s->chain, s->rule, s->before) ?
		     ipt_mirror_find(m, s->before) :
		     place_behind(m, s);
	err = ipt_legacy_insert(t, s->chain->name, at, entry, c->d);
	return err ? err : ipt_mirror_insert(m, at, s->rule);
}

static int del_rule(struct commit *c, struct ipt_legacy *t,
		    const struct step *s)
{
	struct ipt_mirror *m;
	size_t at;
	int err = ipt_mirror_get(&c->mirrors, t, s->chain->name, c->cs->live,
				 &m);

	if (err)
		return err;
	at = ipt_mirror_find(m, s->rule);
	if (at == m->n)
		return -FAULT_STALE;
	if (s->chain->foreign && s->rule->verdict == VERDICT_JUMP &&
	    own_names_stand_in(s->rule->target))
		return ipt_put_back(t, m, s, at, c->d);
	err = ipt_legacy_delete(t, s->chain->name, at, c->d);
	if (!err)
		ipt_mirror_remove(m, at);
	return err;
}

static int table_step(struct commit *c, struct ipt_legacy *t,
		      const struct step *s)
{
	switch (s->kind) {
	case STEP_CHAIN:
		return s->add ? ipt_legacy_create_chain(t, s->chain->name,
							c->d) :
				ipt_legacy_delete_chain(t, s->chain->name,
							c->d);
	case STEP_RULE:
		return s->add ? add_rule(c, t, s) : del_rule(c, t, s);
	case STEP_TABLE:
	case STEP_SET:
	case STEP_ELEMENT:
	case STEP_KIND_MAX_:
		break;
	}
	return 0;
}

static bool is_in(const struct step *s, const struct ipt_legacy *t)
{
	return s->table->family == t->family &&
	       !strcmp(s->table->name, t->name);
}

/* The place to blame for what a whole table's commit says: its only rule's. */
static struct srcpos blame(const struct step *v, size_t n,
			   const struct ipt_legacy *t)
{
	struct srcpos at = NOPOS;
	size_t rules = 0;

	for (size_t i = 0; i < n; i++)
		if (is_in(&v[i], t) && v[i].kind == STEP_RULE && v[i].add &&
		    v[i].rule->verdict != VERDICT_JUMP) {
			at = step_origin(&v[i])->at;
			rules++;
		}
	return rules == 1 ? at : NOPOS;
}

/* Somebody's change is gone, and nobody but us can know. */
static int say_lost(struct commit *c, const struct ipt_legacy *t, int err)
{
	diag_add(c->d, DIAG_ERROR, 0, ID_OVERWROTE, NOPOS,
		 "table %s (%s) was written by somebody else without the xtables lock at the same moment; that change was overwritten",
		 t->name, t->family == NFPROTO_IPV4 ? "IPv4" : "IPv6");
	diag_help(c->d,
		  "check that its rules are there, and have its writer use iptables -w");
	c->lost = true;
	return err || c->back ? err : -FAULT_LOST;
}

/*
 * The replacement stands, and libiptc gave up on what it does next: somebody
 * has replaced the table since, and its entries are others.
 */
static int say_uncounted(struct commit *c, const struct ipt_legacy *t,
			 size_t said)
{
	diags_truncate(c->d, said);
	diag_add(c->d, DIAG_ERROR, 0, ID_UNCOUNTED, NOPOS,
		 "table %s (%s) was written by somebody else without the xtables lock right afterwards; the counters of its rules begin at 0",
		 t->name, t->family == NFPROTO_IPV4 ? "IPv4" : "IPv6");
	c->lost = true;
	return c->back ? 0 : -FAULT_LOST;
}

/* All steps of the phase that are in one table, as one replacement of it. */
static int table_once(struct commit *c, const struct step *v, size_t n,
		      uint8_t family, const char *name)
{
	struct ipt_legacy t = { 0 };
	struct ipt_witness w;
	int ended, err = ipt_witness_begin(&w, family, name, c->d);
	size_t said;

	if (!err)
		err = ipt_legacy_open(family, name, &t, c->d);
	if (!err)
		err = ipt_mirrors_align(&c->mirrors, &t);
	for (size_t i = 0; !err && i < n; i++)
		if (is_in(&v[i], &t))
			err = table_step(c, &t, &v[i]);
	if (!err)
		err = ipt_witness_check(&w, c->d);
	said = c->d->n;
	if (!err)
		*c->begun |= BEGUN_TOLD;
	if (!err)
		err = ipt_legacy_commit(&t, blame(v, n, &t), c->d);
	ended = ipt_witness_end(&w, !err, c->d);
	if (!err)
		err = ended;
	if (w.replaced && err)
		err = say_uncounted(c, &t, said);
	if (w.lost)
		err = say_lost(c, &t, err);
	ipt_legacy_close(&t);
	return err;
}

/*
 * Who writes without the lock is waited for, in the hope of a moment in
 * between; nothing was done then, so our places are as before.
 */
static int table_phase(struct commit *c, const struct step *v, size_t n,
		       uint8_t family, const char *name)
{
	size_t said = c->d->n;
	int err = -FAULT_STALE;

	for (unsigned int i = 0; err == -FAULT_STALE && i < TABLE_TRIES; i++) {
		struct ipt_mirrors as_before;
		int failed = ipt_mirrors_copy(&c->mirrors, &as_before);

		if (failed)
			return failed;
		diags_truncate(c->d, said);
		err = table_once(c, v, n, family, name);
		ipt_mirrors_release(err ? &c->mirrors : &as_before);
		if (err)
			c->mirrors = as_before;
	}
	return err;
}

static int tables_phase(struct commit *c, const struct step *v, size_t n)
{
	int err = 0;

	for (size_t k = 0; k < IPT_TABLES; k++)
		for (size_t f = 0; !err && f < ARRAY_SIZE(ipt_families); f++) {
			struct ipt_legacy t = { .family = ipt_families[f] };
			size_t i = 0;

			snprintf(t.name, sizeof(t.name), "%s", ipt_tables[k]);
			while (i < n && !is_in(&v[i], &t))
				i++;
			if (i < n)
				err = table_phase(c, v, n, ipt_families[f],
						  ipt_tables[k]);
		}
	return err;
}

static void pause_removal(void)
{
	struct timespec left = { 0, REMOVAL_PAUSE_MS * 1000000L };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static int sets_phase(struct commit *c, const struct step *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].kind == STEP_SET || v[i].kind == STEP_ELEMENT)
			*c->begun |= BEGUN_TOLD;
	return ipt_set_steps(c->ctx->sets, c->cs, v, n, c->d);
}

/* Sets are there before the rules that look into them, and go after them. */
static int run_phase(struct commit *c, const struct step *v, size_t n)
{
	bool removal = v[0].phase >= PHASE_DEL_NOTRACK_REQUEST;
	int err = 0;

	if (removal && c->removed)
		pause_removal();
	c->removed |= removal;
	if (!removal)
		err = sets_phase(c, v, n);
	if (!err)
		err = tables_phase(c, v, n);
	if (!err && removal)
		err = sets_phase(c, v, n);
	return err;
}

static int run(struct backend_ctx *ctx, const struct changeset *cs, bool back,
	       unsigned int *begun, struct diags *d)
{
	struct commit c = {
		.ctx = ctx, .cs = cs, .d = d, .back = back, .begun = begun,
	};
	size_t from = 0, to;
	int err = 0;

	for (; !err && from < cs->n; from = to) {
		for (to = from; to < cs->n &&
		     cs->steps[to].phase == cs->steps[from].phase; to++)
			;
		err = run_phase(&c, cs->steps + from, to - from);
	}
	ipt_mirrors_release(&c.mirrors);
	return !err && c.lost ? -FAULT_LOST : err;
}

/* Back to the live image from wherever a failure left us. */
static int undo(struct backend_ctx *ctx, const struct changeset *cs, int why,
		unsigned int *begun, struct diags *d)
{
	_cleanup_(changeset_free) struct changeset *back = NULL;
	_cleanup_(snapshot_release) struct snapshot now = { 0 };
	int err = ipt_snapshot(ctx, &now, d);

	if (!err)
		err = changeset_diff(cs->live, now.image, &back);
	if (!err && changeset_is_empty(back))
		return why;
	if (!err)
		err = run(ctx, back, true, begun, d);
	if (err == -FAULT_LOST) {
		why = err;
		err = 0;
	}
	if (err)
		return diag_add(d, DIAG_ERROR, -FAULT_HALF,
				ID_TABLES_NOT_RESTORED, NOPOS,
				"the previous rules could not be restored");
	*begun |= BEGUN_UNDONE;
	diag_add(d, DIAG_NOTE, 0, ID_TABLES_RESTORED, NOPOS,
		 "what was changed before the failure has been undone");
	return why;
}

/* Everything short of writing: can each rule be built for this kernel? */
static int check(const struct changeset *cs, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; i < cs->n && !err; i++) {
		const struct step *s = &cs->steps[i];
		_cleanup_free_ void *entry = NULL;

		/* -m set cannot be built before its set is there. */
		if (s->kind == STEP_RULE && s->add && !s->rule->n_lookups)
			err = build_entry(s, &entry, d);
	}
	return err;
}

static int locked_commit(struct backend_ctx *ctx, const struct changeset *cs,
			 struct stamp stamp, bool check_only,
			 unsigned int *begun, struct diags *d)
{
	struct stamp now;
	int err = ipt_read_stamp(&now, d);

	if (err)
		return err;
	if (now.generation != stamp.generation)
		return -FAULT_STALE;
	if (check_only)
		return check(cs, d);
	err = run(ctx, cs, false, begun, d);
	return err && *begun ? undo(ctx, cs, err, begun, d) : err;
}

int ipt_commit(struct backend_ctx *ctx, const struct changeset *cs,
	       struct stamp stamp, bool check_only,
	       unsigned int *begun, struct diags *d)
{
	int lock = -1, err = 0;

	if (changeset_is_empty(cs))
		return 0;
	if (!check_only)
		err = ipt_lock_take(&lock, d);
	if (err)
		return err;
	err = locked_commit(ctx, cs, stamp, check_only, begun, d);
	ipt_lock_release(&lock);
	return err;
}
