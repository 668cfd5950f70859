/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/apply.h"

#include "core/mem.h"
#include "engine/boot_timers.h"
#include "engine/off_aim.h"
#include "engine/off_holders.h"
#include "engine/preflight.h"
#include "engine/recovery.h"
#include "engine/tune_check.h"
#include "engine/unsettled.h"

/*
 * The newest one that nobody has to confirm any more, and that this version can
 * read: an older policy is better than none.
 */
static int find_last(struct state *state, struct record *ret, struct diags *d)
{
	uint32_t ids[STATE_KEPT + 1];
	struct waiting w = { 0 };
	size_t n = 0;
	int err = state_list(state, ids, &n, d);

	if (!err)
		err = waiting_glean(state, &w, d);
	if (!err && n && w.there && (!w.pending.id ||
				     w.pending.id == ids[n - 1]))
		n--;
	if (err)
		return err;
	do
		err = n ? state_record(state, ids[--n], ret, d) : -ENOENT;
	while (err == -EIO);
	return err;
}

/* What is wrong with what is not used after all. */
static void soften_errors(struct diags *to, const struct diags *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (from->v[i].level == DIAG_ERROR)
			diag_soften(to, &from->v[i]);
}

/* `err` stays as it is where nothing was applied. */
static int load_last(struct plan *p, struct request *rq, const char *file,
		     int err)
{
	_cleanup_(state_close) struct state *state = NULL;
	_cleanup_(record_release) struct record last = { 0 };
	_cleanup_(diags_release) struct diags said = { 0 };
	_cleanup_(plan_release) struct plan old = { 0 };
	int found = state_open_reading(rq->state_dir, &state, &said);

	if (!found)
		found = find_last(state, &last, &said);
	if (!found)
		found = plan_load_kept(&old, rq, &last);
	if (found) {
		diags_append(&p->diags, &said);
		return err;
	}
	soften_errors(&old.diags, &p->diags);
	soften_errors(&old.diags, &said);
	diag_add(&old.diags, DIAG_WARNING, 0, ID_FALLBACK, NOPOS,
		 "policy %s cannot be used; the one of change %u is applied instead",
		 file, last.id);
	/* The default is judged by its place, and with all its files. */
	diag_help(&old.diags, "'ctpolicy check%s%s' shows what is wrong",
		  file == policy_default ? "" : " ",
		  file == policy_default ? "" : file);
	plan_release(p);
	*p = old;
	old = (struct plan){ 0 };
	return 0;
}

int apply_load(struct plan *p, struct request *rq, const char *file)
{
	int err = plan_load(p, rq, file);

	file = p->file;
	return rq->falls_back && (err == -FAULT_POLICY ||
				  err == -FAULT_INPUT) ?
		       load_last(p, rq, file, err) : err;
}

int apply_settle(struct plan *p, struct state **ret)
{
	struct waiting w = { 0 };
	enum recovered what;
	int err = recovery_open(p->rq, ret, &p->diags);

	if (err)
		return err;
	p->state = *ret;
	err = recovery_before(p, &what);
	if (!err && what == RECOVERED_WAITS)
		err = waiting_read(p->state, &w, &p->diags);
	if (err)
		return err;
	/* Nobody reads what a repair says of it: the next command tells. */
	if (!p->rq->repairs)
		trial_tell_end(p->state, what == RECOVERED_OLD, &p->diags);
	if (what != RECOVERED_WAITS)
		return 0;
	trial_say(&w, DIAG_ERROR, &p->diags);
	return -FAULT_BUSY;
}

int apply_compare(struct plan *p)
{
	int err = plan_choose_live(p);

	if (!err)
		err = off_aim(p);
	return err ? err : plan_compare(p);
}

int apply_check(struct plan *p)
{
	int err = off_check(p);

	if (!err)
		err = tune_check(p);
	/* A watcher's look is no time to tell of the next boot. */
	if (!err && !p->rq->repairs)
		err = boot_timers_say(&p->diags);
	return err ? err : preflight_check(p);
}
