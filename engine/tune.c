/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/tune.c: what is live, and what leads from there to what is wanted. */
#include "engine/tune.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "engine/off_state.h"
#include "engine/tune_files.h"
#include "host/conntrack/settings.h"
#include "host/own_files.h"

/* In place of what is no regular file, and so none of ours. */
#define NO_TEXT "-"

static int read_file(const char *path, char **ret)
{
	int err = own_file_read(path, ret);

	if (!err && !*ret)
		*ret = strdup("");
	else if (err == -EEXIST)
		*ret = strdup(NO_TEXT);
	else
		return err;
	return *ret ? 0 : -ENOMEM;
}

static int read_sysctl(const char *key, bool absent, char **ret)
{
	int err = absent ? 0 : ct_setting_read(&ct_settings_host, key, ret);

	return err == -ENOENT ? 0 : err;
}

static int look(const struct off_items *at, bool absent,
		struct off_items *live)
{
	int err = 0;

	for (size_t i = 0; !err && i < at->n; i++) {
		const struct off_item *x = &at->v[i];
		_cleanup_free_ char *text = NULL;

		err = x->kind == OFF_FILE ? read_file(x->key, &text) :
					    read_sysctl(x->key, absent, &text);
		if (!err && text)
			err = off_put(live, x->kind, x->key, text);
	}
	return err;
}

/* Of a file that is not ours nothing is wanted but that we have none. */
static bool holds(const struct tune *t, const struct off_item *i)
{
	const char *now = off_value(&t->live, i->kind, i->key);

	if (i->kind == OFF_SYSCTL && t->absent)
		return true;
	if (i->kind == OFF_FILE && now && !*i->value)
		return !tune_owns(t, now);
	return now && !strcmp(now, i->value);
}

size_t tune_differing(const struct tune *t, const struct off_items *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += !holds(t, &list->v[i]);
	return n;
}

bool tune_holds(const struct tune *t, const struct off_items *list)
{
	return !tune_differing(t, list);
}

/* The one of max and buckets that comes first, so that none is too small. */
static bool grows(const struct tune *t)
{
	const char *now = off_value(&t->live, OFF_SYSCTL, CT_MAX);
	const char *then = off_value(&t->want, OFF_SYSCTL, CT_MAX);

	return now && then && strtoull(then, NULL, 10) >
			      strtoull(now, NULL, 10);
}

enum turn { TURN_TIMEOUTS, TURN_FIRST, TURN_SECOND, TURN_FILES, TURN_MAX_ };

static enum turn turn_of(const struct off_item *i, bool grows)
{
	if (i->kind == OFF_FILE)
		return TURN_FILES;
	if (!strcmp(i->key, CT_MAX))
		return grows ? TURN_SECOND : TURN_FIRST;
	if (!strcmp(i->key, CT_BUCKETS))
		return grows ? TURN_FIRST : TURN_SECOND;
	return TURN_TIMEOUTS;
}

static int add_turn(const struct tune *t, unsigned int turn, bool up,
		    struct off_steps *s)
{
	for (size_t i = 0; i < t->want.n; i++) {
		const struct off_item *x = &t->want.v[i];

		if (turn_of(x, up) != turn || holds(t, x))
			continue;
		if (mem_grow(&s->v, &s->cap, s->n + 1))
			return -ENOMEM;
		s->v[s->n++] = (struct off_step){
			x->kind != OFF_FILE || *x->value, *x,
		};
	}
	return 0;
}

int tune_compare(struct tune *t)
{
	struct off_items live = { 0 };
	struct off_steps s = { 0 };
	int err;

	t->absent = !ct_settings_exist(&ct_settings_host);
	err = look(&t->want, t->absent, &live);
	if (!err)
		err = look(&t->after, t->absent, &live);
	if (err) {
		off_items_release(&live);
		return err;
	}
	off_items_release(&t->live);
	t->live = live;
	for (unsigned int turn = 0; !err && turn < TURN_MAX_; turn++)
		err = add_turn(t, turn, grows(t), &s);
	if (err) {
		free(s.v);
		return err;
	}
	free(t->steps.v);
	t->steps = s;
	return 0;
}

/* What is not loaded before the change could not be asked for its keys. */
static int say_failed(const struct off_step *s, int err, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf what = { 0 };

	if (err == -ENOENT && s->item.kind == OFF_SYSCTL) {
		diag_add(d, DIAG_ERROR, 0, ID_SETTING_UNSUPPORTED, NOPOS,
			 "this kernel has no %s", s->item.key);
		diag_help(d, "take it out of the policy");
		return -FAULT_LACKING;
	}
	off_print_step(s, &what);
	return diag_add(d, DIAG_ERROR, err, ID_SETTING_REFUSED, NOPOS,
			"cannot %s: %s", strbuf_str(&what),
			err == -EXDEV ? "it belongs to the first network namespace" :
					strerror(-err));
}

void tune_say_stays(const char *key, const char *value, int err,
		    struct diags *d)
{
	diag_add(d, DIAG_WARNING, 0, ID_SETTING_CHANGED, NOPOS,
		 "%s cannot be put back to %s: %s", key, value,
		 strerror(-err));
}

static void say_file(const struct off_step *s, int err, struct diags *d)
{
	diag_add(d, DIAG_WARNING, 0, ID_FILE_NOT_EDITED,
		 (struct srcpos){ s->item.key, 0, 0, 0 },
		 "this file of ctpolicy's cannot be %s: %s",
		 s->add ? "put back" : "removed",
		 err == -EEXIST ? "another one has its name" :
				  strerror(-err));
	if (!s->add)
		diag_help(d, "run 'ctpolicy remove' once it can be");
}

static void drop_item(struct off_items *from, const struct off_item *x)
{
	for (size_t i = 0; i < from->n; i++)
		if (from->v[i].kind == x->kind &&
		    !strcmp(from->v[i].key, x->key))
			from->v[i--] = from->v[--from->n];
}

/* Rules must be removable whatever the host says: what stays is said. */
int tune_give_up(struct tune *t, const struct off_step *s, int err,
		 struct diags *d)
{
	bool file = s->item.kind == OFF_FILE;

	if (err == -ENOMEM || (!t->yields && (!file || s->add)))
		return say_failed(s, err, d);
	if (file)
		say_file(s, err, d);
	else
		tune_say_stays(s->item.key, s->item.value, err, d);
	drop_item(&t->want, &s->item);
	t->gave_up = true;
	return 0;
}

void tune_forget_before(struct tune *t, const struct tune *back)
{
	for (size_t i = 0; i < back->steps.n; i++) {
		const struct off_item *x = &back->steps.v[i].item;

		if (!off_value(&back->want, x->kind, x->key))
			drop_item(&t->before, x);
	}
	t->gave_up = true;
}

static int write_file(const struct tune *t, const struct off_item *x)
{
	_cleanup_free_ char *now = NULL;
	int err = own_file_read(x->key, &now);

	if (!err && now && !tune_owns(t, now))
		err = -EEXIST;
	return err ? err : own_file_write(x->key, x->value);
}

static int write_item(const struct tune *t, const struct off_item *x)
{
	return x->kind == OFF_FILE ? write_file(t, x) :
				     ct_setting_write(&ct_settings_host,
						      x->key, x->value);
}

static int commit(struct tune *t, bool files, unsigned int *begun,
		  struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && t->there && i < t->steps.n; i++) {
		const struct off_step *s = &t->steps.v[i];

		if (files != (s->item.kind == OFF_FILE))
			continue;
		*begun |= BEGUN_TOLD;
		err = write_item(t, &s->item);
		if (!err)
			*begun |= BEGUN_UNDONE;
		else
			err = tune_give_up(t, s, err, d);
	}
	return err;
}

int tune_commit(struct tune *t, unsigned int *begun, struct diags *d)
{
	return commit(t, false, begun, d);
}

int tune_commit_files(struct tune *t, unsigned int *begun, struct diags *d)
{
	return commit(t, true, begun, d);
}

void tune_remember(struct tune *t, bool keeps_steps)
{
	if (!t->there)
		return;
	off_items_release(&t->before);
	t->before = t->live;
	t->live = (struct off_items){ 0 };
	t->begun = true;
	if (!keeps_steps)
		return;
	free(t->made.v);
	t->made = t->steps;
	t->steps = (struct off_steps){ 0 };
}

void tune_release(struct tune *t)
{
	struct off_items *all[] = {
		&t->live, &t->want, &t->after, &t->before, &t->was, &t->ours,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		off_items_release(all[i]);
	free(t->steps.v);
	free(t->made.v);
	*t = (struct tune){ 0 };
}
