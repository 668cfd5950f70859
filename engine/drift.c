/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/drift.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/digest.h"
#include "core/mem.h"
#include "engine/boot_keep.h"
#include "engine/off_aim.h"
#include "engine/tune_keep.h"

/* The newest part of a target; NULL: no change concerned it. */
static const struct record_part *newest(const struct status *s,
					const char *target)
{
	for (size_t i = 0; i < s->n_history; i++)
		for (size_t k = 0; k < s->history[i].n_parts; k++)
			if (!strcmp(s->history[i].parts[k].target, target))
				return &s->history[i].parts[k];
	return NULL;
}

static int holds_rules(struct plan *p, const struct part *m,
		       const struct record_part *is, bool *ret)
{
	_cleanup_(past_free) struct past *past = NULL;
	int err = past_read(m->backend, is, &past, &p->diags);

	if (!err)
		*ret = past_is_complete(past, m->live.image);
	return err;
}

static int holds_modules(struct plan *p, const struct record_part *is,
			 bool *ret)
{
	struct off *off = &p->change.off;
	int err = off_read_record(off, is, &p->diags);

	off->at.there = true;
	if (!err)
		err = off_compare(off);
	return err ? err : off_holds(&off->at.live, &off->at.after, ret);
}

static int holds_files(struct plan *p, const struct record_part *is, bool *ret)
{
	struct boot *boot = &p->change.boot;
	int err = boot_read_record(p, is);

	boot->there = true;
	if (!err)
		err = boot_compare(boot, &p->diags);
	if (!err)
		*ret = boot_is_complete(boot);
	return err;
}

/* Each setting counts for itself; where there is nothing to set, none. */
static int holds_settings(struct plan *p, const struct record_part *is,
			  size_t *ret)
{
	struct tune *t = &p->change.tune;
	int err = tune_read_record(p, is);

	if (!err)
		err = tune_compare(t);
	if (!err)
		*ret = tune_differing(t, &t->at.after);
	return err;
}

static int compare_rules(struct plan *p, struct status *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < p->change.n; i++) {
		const struct part *m = &p->change.v[i];
		const struct record_part *is = newest(s, m->backend->name);
		bool same = true;

		if (is)
			err = holds_rules(p, m, is, &same);
		s->rules += !same;
	}
	return err;
}

static int compare_settings(struct plan *p, struct status *s)
{
	const struct record_part *modules = newest(s, OFF_TARGET);
	const struct record_part *settings = newest(s, TUNE_TARGET);
	const struct record_part *files = newest(s, BOOT_TARGET);
	bool same = true;
	size_t differing = 0;
	int err = modules ? holds_modules(p, modules, &same) : 0;

	s->settings += !same;
	if (!err && settings)
		err = holds_settings(p, settings, &differing);
	s->settings += differing;
	same = true;
	if (!err && files)
		err = holds_files(p, files, &same);
	s->settings += !same;
	return err;
}

int drift_load_policy(struct plan *p, struct request *rq,
		      const struct status *s)
{
	return s->n_history ? plan_load_kept(p, rq, &s->history[0]) : -ENOENT;
}

/* Is what the policy's files hold now something else? */
static bool differs(const char *path, const struct record *was)
{
	_cleanup_(diags_release) struct diags said = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;

	return policy_read(path, &text, &len, &said) ||
	       digest_add(DIGEST_START, text, len) != was->policy_digest;
}

/* Of the default it is not known whether it was named. */
static enum file_now compare_file(const struct status *s)
{
	const struct record *was = &s->history[0];
	struct stat st;
	bool standard;

	/* Standard input is another by now; a pipe would be waited for. */
	if (!was->policy || *was->policy != '/' || !was->policy_digest)
		return FILE_UNKNOWN;
	standard = !strcmp(was->policy, policy_default);
	if (standard && !differs(NULL, was))
		return FILE_SAME;
	if (stat(was->policy, &st))
		return errno != ENOENT ? FILE_UNKNOWN :
		       standard	       ? FILE_CHANGED :
					 FILE_GONE;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return FILE_UNKNOWN;
	return differs(was->policy, was) ? FILE_CHANGED : FILE_SAME;
}

/* What applying the same policy again would take; by what was read already. */
static void count(struct plan *p, struct status *s)
{
	struct request rq = { .command = "diff",
			      .state_dir = p->rq->state_dir };
	_cleanup_(plan_release) struct plan again = { 0 };

	if (plan_load_kept(&again, &rq, &s->history[0]))
		return;
	again.read = &p->change;
	if (plan_choose_live(&again) || plan_compare(&again))
		return;
	s->counted = true;
	s->rules = change_rule_steps(&again.change);
}

int drift_find(struct plan *p, struct status *s)
{
	const struct tune *t = &p->change.tune;
	int err;

	if (!s->n_history)
		return 0;
	s->file = compare_file(s);
	err = compare_rules(p, s);
	if (!err)
		err = compare_settings(p, s);
	if (err)
		return err;
	s->counted = !s->rules && !s->blind;
	if (!s->blind)
		count(p, s);
	s->drift = s->rules || s->settings ? DRIFT_DIFFERS :
		   s->blind		   ? DRIFT_UNKNOWN :
					     DRIFT_NONE;
	/* A boot takes rules and settings with it. */
	if ((s->rules || !tune_holds(t, &t->at.after)) &&
	    strcmp(s->history[0].space, state_space(p->state)))
		s->drift = DRIFT_PAST;
	return 0;
}
