/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/tune_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"
#include "engine/tune_files.h"
#include "generators/table_size.h"
#include "host/conntrack/settings.h"
#include "host/own_files.h"
#include "host/setting_lines.h"

/*
 * Entries a bucket: from the first on chains are long enough to be felt, from
 * the second on they fill up, and packets are dropped though the table is not
 * full: measured, and MIN_CHAINLEN in net/netfilter/nf_conntrack_core.c.
 */
#define CROWDED 8
#define OVERFULL 20
/* Room above the entries that are there now, in per cent. */
#define ROOM 25
#define PER_CENT 100

/* Where the policy asks for it. */
static struct srcpos place_of(const struct plan *p, const char *key)
{
	for (size_t i = 0; p->rules && i < p->rules->n_sysctls; i++)
		if (!strcmp(p->rules->sysctls[i].key, key))
			return p->rules->sysctls[i].origin->at;
	return NOPOS;
}

static bool is_asked_for(const struct plan *p, const char *key)
{
	return place_of(p, key).line != 0;
}

static int say_unwritable(struct plan *p, const char *key, int err)
{
	struct srcpos at = place_of(p, key);

	if (err == -ENOENT) {
		diag_add(&p->diags, DIAG_ERROR, 0, ID_SETTING_UNSUPPORTED, at,
			 "this kernel has no %s; nothing was done", key);
		diag_help(&p->diags, "take it out of the policy");
		return -FAULT_LACKING;
	}
	if (err == -EXDEV) {
		diag_add(&p->diags, DIAG_ERROR, 0, ID_SETTING_ELSEWHERE, at,
			 "%s has one value for the whole machine and belongs to its first network namespace, and this is another; nothing was done",
			 key);
		diag_help(&p->diags,
			  "take it out of this policy; timeouts are each namespace's own");
		return -FAULT_CONFLICT;
	}
	diag_add(&p->diags, DIAG_ERROR, 0, ID_SETTING_REFUSED, at,
		 "%s cannot be written: %s; nothing was done", key,
		 strerror(-err));
	return -FAULT_PERMISSION;
}

/* All of them, the gravest outcome last. */
static int check_writable(struct plan *p)
{
	const struct ruleset *rs = p->rules;
	int worst = 0;

	for (size_t i = 0; i < rs->n_sysctls; i++) {
		const char *key = rs->sysctls[i].key;
		int err = ct_setting_check(&ct_settings_host, key);

		if (err == -ENOMEM)
			return err;
		if (err)
			err = say_unwritable(p, key, err);
		if (err && worst != -FAULT_LACKING)
			worst = err;
	}
	return worst;
}

/* What the kernel begins with; 0: not known. */
static uint64_t default_of(const struct plan *p, const char *key)
{
	struct table_size s = table_size_kernel(p->facts.memory);

	if (!p->facts.memory)
		return 0;
	return strcmp(key, CT_BUCKETS) ? s.max : s.buckets;
}

/* As wanted, or else as it is, or will be when it is loaded. */
static uint64_t number(const struct plan *p, const char *key)
{
	const struct tune *t = &p->change.tune;
	const char *text = items_value(&t->at.want, ITEM_SYSCTL, key);
	_cleanup_free_ char *now = NULL;

	if (!text && !ct_setting_read(&ct_settings_host, key, &now))
		text = now;
	return text ? strtoull(text, NULL, 10) : default_of(p, key);
}

/* Will it be written, now or when it is loaded? */
static bool is_step(const struct plan *p, const char *key)
{
	const struct item_steps *s = &p->change.tune.at.steps;

	if (p->change.tune.absent)
		return is_asked_for(p, key);

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].item.key, key))
			return true;
	return false;
}

/* Rules are written whatever became of settings: those are said, and left. */
static bool gives_way(const struct plan *p)
{
	return p->rq->repairs || p->rq->falls_back;
}

/* An error, unless the user insists. */
static int refuse(struct plan *p, enum diag_id id, struct srcpos at,
		  const char *text, const char *help)
{
	bool force = p->rq->force;

	diag_add(&p->diags, force || gives_way(p) ? DIAG_WARNING : DIAG_ERROR,
		 0, id, at, "%s", text);
	diag_help(&p->diags, "%s", help);
	return force ? 0 : -FAULT_CONFLICT;
}

static int check_room(struct plan *p)
{
	uint64_t max = number(p, CT_MAX), count, least;
	const char *where, *text, *help;

	if (!is_asked_for(p, CT_MAX) || !is_step(p, CT_MAX))
		return 0;
	count = ct_settings_fullest(&where);
	least = count + (count * ROOM + PER_CENT - 1) / PER_CENT;
	if (max >= least)
		return 0;
	text = intern_printf("max %" PRIu64 " is too small: %s has %" PRIu64 " entries now, and new connections would soon be dropped",
			     max, where ? intern_printf("network namespace %s",
							where) :
					  "this network namespace", count);
	help = intern_printf("write at least %" PRIu64 ", or use --force",
			     least);
	return text && help ? refuse(p, ID_TABLE_TOO_SMALL,
				     place_of(p, CT_MAX), text, help) :
			      -ENOMEM;
}

static int check_buckets(struct plan *p)
{
	uint64_t max = number(p, CT_MAX), buckets = number(p, CT_BUCKETS);
	bool both = is_asked_for(p, CT_BUCKETS);
	struct srcpos at = place_of(p, is_asked_for(p, CT_MAX) ? CT_MAX :
								 CT_BUCKETS);
	const char *text, *help;

	if (!is_step(p, CT_MAX) && !is_step(p, CT_BUCKETS))
		return 0;
	if (!buckets || max <= CROWDED * buckets)
		return 0;
	help = both ? "write `buckets: auto`" :
		      "write `buckets: auto` beside `max`";
	text = intern_printf("max %" PRIu64 " with %" PRIu64 " buckets makes %" PRIu64 " entries a bucket: %s",
			     max, buckets, max / buckets,
			     max < OVERFULL * buckets ?
				     "each packet takes longer to look up" :
				     "new connections are dropped before the table is full");
	if (!text)
		return -ENOMEM;
	if (!both && max >= OVERFULL * buckets)
		return refuse(p, ID_TOO_FEW_BUCKETS, at, text, help);
	diag_add(&p->diags, DIAG_WARNING, 0, ID_TOO_FEW_BUCKETS, at, "%s",
		 text);
	diag_help(&p->diags, "%s", help);
	return 0;
}

static int check_sizes(struct plan *p)
{
	int room = check_room(p), buckets = check_buckets(p);

	return room ? room : buckets;
}

static bool has_rules_to_add(const struct plan *p)
{
	for (size_t i = 0; i < p->change.n; i++) {
		const struct changeset *cs = p->change.v[i].changes;

		for (size_t k = 0; cs && k < cs->n; k++)
			if (cs->steps[k].add)
				return true;
	}
	return false;
}

static bool will_be_loaded(const struct plan *p)
{
	return p->policy->persist || has_rules_to_add(p);
}

/* Loading it is not what the policy asks for. */
static void say_absent(struct plan *p)
{
	if (p->policy->persist && own_file_sysctl_tool()) {
		diag_add(&p->diags, DIAG_NOTE, 0, ID_NOTHING_TO_SET,
			 p->rules->sysctls[0].origin->at,
			 "connection tracking is not loaded: its sizes and timeouts are set when it is");
		return;
	}
	if (has_rules_to_add(p)) {
		diag_add(&p->diags, DIAG_NOTE, 0, ID_NOTHING_TO_SET,
			 p->rules->sysctls[0].origin->at,
			 "connection tracking is not loaded: its sizes and timeouts are set if ctpolicy's rules load it");
		return;
	}
	diag_add(&p->diags, DIAG_WARNING, 0, ID_NOTHING_TO_SET,
		 p->rules->sysctls[0].origin->at,
		 "connection tracking is not loaded: its sizes and timeouts are not set");
	diag_help(&p->diags,
		  "run 'ctpolicy apply' again once something has loaded it");
}

/* Is it a file that ctpolicy wrote in another network namespace? */
static bool is_elsewheres(const struct tune *t, const char *path)
{
	const char *now = items_value(&t->at.live, ITEM_FILE, path);

	return now && own_file_has_mark(now) && !tune_owns(t, now);
}

/* Files of our names that somebody else wrote, or that cannot be written. */
static int check_file(struct plan *p, const struct item_step *s)
{
	const struct srcpos at = { s->item.key, 0, 0, 0 };
	int err = own_file_check(s->item.key);

	if (!err && is_elsewheres(&p->change.tune, s->item.key)) {
		diag_add(&p->diags, DIAG_ERROR, 0, ID_FILE_TAKEN, at,
			 "ctpolicy wrote this file in another network namespace; nothing was done");
		diag_help(&p->diags,
			  "write `persist: false`: a boot sets the first namespace alone");
		return -FAULT_CONFLICT;
	}
	if (err == -EEXIST) {
		diag_add(&p->diags, DIAG_ERROR, 0, ID_FILE_TAKEN, at,
			 "this file was not written by ctpolicy; nothing was done");
		diag_help(&p->diags,
			  "move it away, or write `persist: false`");
		return -FAULT_CONFLICT;
	}
	if (!err || err == -ENOMEM)
		return err;
	diag_add(&p->diags, DIAG_ERROR, 0, ID_FILE_NOT_EDITED, at,
		 "this file cannot be written: %s; nothing was done",
		 strerror(-err));
	return -FAULT_PERMISSION;
}

static int check_files(struct plan *p)
{
	const struct item_steps *s = &p->change.tune.at.steps;
	int worst = 0;

	for (size_t i = 0; i < s->n; i++) {
		int err = s->v[i].item.kind == ITEM_FILE && s->v[i].add ?
				  check_file(p, &s->v[i]) : 0;

		if (err == -ENOMEM)
			return err;
		worst = err ? err : worst;
	}
	return worst;
}

/* Who will undo it, sooner or later. */
static int say_writers(struct plan *p)
{
	const struct ruleset *rs = p->rules;
	int err = 0;

	for (size_t i = 0; !err && i < rs->n_sysctls; i++) {
		_cleanup_(setting_lines_release) struct setting_lines l = { 0 };

		err = setting_lines_find(rs->sysctls[i].key, &l);
		for (size_t k = 0; !err && k < l.n; k++) {
			const struct srcpos at = { l.v[k].path, l.v[k].line,
						   1, 0 };

			diag_add(&p->diags, DIAG_WARNING, 0, ID_ALSO_SET, at,
				 "this line sets %s as well: %s",
				 rs->sysctls[i].key, l.v[k].text);
			diag_help(&p->diags,
				  "take it out, or leave the setting out of the policy");
		}
	}
	return err;
}

/* A boot sets the first namespace, which is not what was asked for here. */
static void say_elsewhere(struct plan *p)
{
	if (!p->policy->persist ||
	    ct_setting_check(&ct_settings_host, CT_MAX) != -EXDEV)
		return;
	diag_add(&p->diags, DIAG_WARNING, 0, ID_SETTING_ELSEWHERE,
		 p->policy->persist_at,
		 "`persist` writes for the first network namespace, and this is another");
}

static int check_step(const struct tune *t, const struct item_step *s)
{
	if (s->item.kind != ITEM_FILE)
		return ct_setting_check(&ct_settings_host, s->item.key);
	if (is_elsewheres(t, s->item.key))
		return -EEXIST;
	return own_file_check(s->item.key);
}

static int leave_sizes(struct tune *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->at.want.n; i++)
		if (strcmp(t->at.want.v[i].key, CT_MAX) != 0 &&
		    strcmp(t->at.want.v[i].key, CT_BUCKETS) != 0)
			t->at.want.v[n++] = t->at.want.v[i];
	t->at.want.n = n;
	return 0;
}

static int yield(struct plan *p)
{
	struct tune *t = &p->change.tune;
	int err = 0;

	t->yields = true;
	for (size_t i = 0; !err && i < t->at.steps.n; i++) {
		int r = check_step(t, &t->at.steps.v[i]);

		if (r)
			err = tune_give_up(t, &t->at.steps.v[i], r, &p->diags);
	}
	if (!err && !t->absent)
		err = check_sizes(p);
	if (err == -FAULT_CONFLICT)
		err = leave_sizes(t);
	return err ? err : tune_compare(t);
}

/* What has not been loaded yet gets its settings when it is. */
static int check_absent(struct plan *p)
{
	int err;

	say_absent(p);
	err = will_be_loaded(p) ? check_buckets(p) : 0;
	return err == -FAULT_CONFLICT && gives_way(p) ?
		       leave_sizes(&p->change.tune) : err;
}

int tune_check(struct plan *p)
{
	const struct tune *t = &p->change.tune;
	int err;

	if (!t->at.there || !p->rules || !p->rules->n_sysctls)
		return 0;
	if (p->rq->repairs)
		return yield(p);
	err = say_writers(p);
	if (!err)
		err = gives_way(p) ? yield(p) : check_files(p);
	if (err)
		return err;
	if (t->absent)
		return check_absent(p);
	say_elsewhere(p);
	if (gives_way(p))
		return 0;
	err = check_writable(p);
	return err ? err : check_sizes(p);
}
