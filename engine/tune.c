/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/tune.c: what is live, and what leads from there to what is wanted. */
#include "engine/tune.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "core/mem.h"
#include "engine/tune_files.h"
#include "host/conntrack/settings.h"
#include "host/own_files.h"
#include "host/own_lines.h"

/* In place of what is no regular file, or cannot be read: none of ours. */
#define NO_TEXT "-"

/*
 * What somebody added to one of ours is neither compared nor recorded. Why one
 * cannot be read is said when it is to be written: no rules depend on it.
 */
static int read_file(const char *path, char **ret)
{
	_cleanup_(strbuf_release) struct strbuf ours = { 0 }, others = { 0 };
	_cleanup_free_ char *text = NULL;
	int err = own_file_read(path, &text);

	if (err == -ENOMEM)
		return err;
	if (!err && text && own_file_has_mark(text))
		own_lines_split(text, &ours, &others);
	else
		strbuf_puts(&ours, err ? NO_TEXT : text ? text : "");
	*ret = strbuf_take(&ours);
	return *ret ? 0 : -ENOMEM;
}

static int read_sysctl(const char *key, bool absent, char **ret)
{
	int err = absent ? 0 : ct_setting_read(&ct_settings_host, key, ret);

	return err == -ENOENT ? 0 : err;
}

static int look(const struct items *at, bool absent,
		struct items *live)
{
	int err = 0;

	for (size_t i = 0; !err && i < at->n; i++) {
		const struct item *x = &at->v[i];
		_cleanup_free_ char *text = NULL;

		err = x->kind == ITEM_FILE ? read_file(x->key, &text) :
					    read_sysctl(x->key, absent, &text);
		if (!err && text)
			err = items_put(live, x->kind, x->key, text);
	}
	return err;
}

/* Of a file that is not ours nothing is wanted but that we have none. */
static bool holds(const struct tune *t, const struct item *i)
{
	const char *now = items_value(&t->at.live, i->kind, i->key);

	if (i->kind == ITEM_SYSCTL && t->absent)
		return true;
	if (i->kind == ITEM_FILE && now && !*i->value)
		return !tune_owns(t, now);
	return now && !strcmp(now, i->value);
}

size_t tune_differing(const struct tune *t, const struct items *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += !holds(t, &list->v[i]);
	return n;
}

bool tune_holds(const struct tune *t, const struct items *list)
{
	return !tune_differing(t, list);
}

/* The one of max and buckets that comes first, so that none is too small. */
static bool grows(const struct tune *t)
{
	const char *now = items_value(&t->at.live, ITEM_SYSCTL, CT_MAX);
	const char *then = items_value(&t->at.want, ITEM_SYSCTL, CT_MAX);

	return now && then && strtoull(then, NULL, 10) >
			      strtoull(now, NULL, 10);
}

enum turn { TURN_TIMEOUTS, TURN_FIRST, TURN_SECOND, TURN_FILES, TURN_MAX_ };

static enum turn turn_of(const struct item *i, bool grows)
{
	if (i->kind == ITEM_FILE)
		return TURN_FILES;
	if (!strcmp(i->key, CT_MAX))
		return grows ? TURN_SECOND : TURN_FIRST;
	if (!strcmp(i->key, CT_BUCKETS))
		return grows ? TURN_FIRST : TURN_SECOND;
	return TURN_TIMEOUTS;
}

static int add_turn(const struct tune *t, unsigned int turn, bool up,
		    struct item_steps *s)
{
	for (size_t i = 0; i < t->at.want.n; i++) {
		const struct item *x = &t->at.want.v[i];

		if (turn_of(x, up) != turn || holds(t, x))
			continue;
		if (item_steps_add(s, x->kind != ITEM_FILE || *x->value, x))
			return -ENOMEM;
	}
	return 0;
}

int tune_compare(struct tune *t)
{
	struct items live = { 0 };
	struct item_steps s = { 0 };
	int err;

	t->absent = !ct_settings_exist(&ct_settings_host);
	err = look(&t->at.want, t->absent, &live);
	if (!err)
		err = look(&t->at.after, t->absent, &live);
	if (err) {
		items_release(&live);
		return err;
	}
	items_release(&t->at.live);
	t->at.live = live;
	for (unsigned int turn = 0; !err && turn < TURN_MAX_; turn++)
		err = add_turn(t, turn, grows(t), &s);
	if (err) {
		free(s.v);
		return err;
	}
	free(t->at.steps.v);
	t->at.steps = s;
	return 0;
}

static const char *reason(int err)
{
	return err == -EXDEV ? "it belongs to the first network namespace" :
	       err == -ENOENT ? "this kernel has no such setting" :
				strerror(-err);
}

/* What is not loaded before the change could not be asked for its keys. */
static int say_failed(const struct item_step *s, int err, struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf what = { 0 };

	if (err == -ENOENT && s->item.kind == ITEM_SYSCTL) {
		diag_add(d, DIAG_ERROR, 0, ID_SETTING_UNSUPPORTED, NOPOS,
			 "this kernel has no %s", s->item.key);
		diag_help(d, "take it out of the policy");
		return -FAULT_LACKING;
	}
	item_print_step(s, &what);
	return diag_add(d, DIAG_ERROR, err, ID_SETTING_REFUSED, NOPOS,
			"cannot %s: %s",
			strbuf_text(&what, &d->lost), reason(err));
}

static void say_file(const struct item_step *s, int err, struct diags *d)
{
	diag_add(d, DIAG_WARNING, 0, ID_FILE_NOT_EDITED,
		 (struct srcpos){ s->item.key, 0, 0, 0 },
		 "this file of ctpolicy's cannot be %s: %s",
		 s->add ? "written" : "removed",
		 err == -EEXIST ? "somebody else's file has that name" :
				  strerror(-err));
	if (!s->add)
		diag_help(d, "run 'ctpolicy remove' once it can be");
}

static void drop_item(struct items *from, const struct item *x)
{
	for (size_t i = 0; i < from->n; i++)
		if (from->v[i].kind == x->kind &&
		    !strcmp(from->v[i].key, x->key))
			from->v[i--] = from->v[--from->n];
}

/* Rules must be removable whatever the host says: what stays is said. */
int tune_give_up(struct tune *t, const struct item_step *s, int err,
		 struct diags *d)
{
	bool file = s->item.kind == ITEM_FILE;

	if (err == -ENOMEM || (!t->yields && (!file || s->add)))
		return say_failed(s, err, d);
	if (file)
		say_file(s, err, d);
	else
		diag_add(d, DIAG_WARNING, 0, ID_SETTING_CHANGED, NOPOS,
			 "%s cannot be set to %s: %s", s->item.key,
			 s->item.value, reason(err));
	drop_item(&t->at.want, &s->item);
	t->gave_up = true;
	return 0;
}

void tune_forget_before(struct tune *t, const struct tune *back)
{
	for (size_t i = 0; i < back->at.steps.n; i++) {
		const struct item *x = &back->at.steps.v[i].item;

		if (!items_value(&back->at.want, x->kind, x->key))
			drop_item(&t->at.before, x);
	}
	t->gave_up = true;
}

/* Somebody's lines stay, and make the file his where none of ours do. */
static int write_file(const struct tune *t, const struct item *x,
		      struct diags *d)
{
	_cleanup_(strbuf_release) struct strbuf ours = { 0 }, text = { 0 };
	_cleanup_free_ char *now = NULL;
	int err = own_file_read(x->key, &now);

	if (!err && now && !tune_owns(t, now))
		err = -EEXIST;
	own_lines_print(x->value, &text);
	if (!err && now)
		own_lines_split(now, &ours, &text);
	if (!err)
		err = strbuf_status(&text);
	if (!err)
		err = own_file_write(x->key, strbuf_str(&text));
	if (!err && text.n && !*x->value)
		diag_add(d, DIAG_WARNING, 0, ID_FILE_CHANGED,
			 (struct srcpos){ x->key, 0, 0, 0 },
			 "somebody added lines to this file of ctpolicy's: they stay in it");
	if (!err && text.n && !*x->value)
		diag_help(d, "move them to a file of your own: an apply with `persist` refuses this one");
	return err;
}

static int write_item(const struct tune *t, const struct item *x,
		      struct diags *d)
{
	return x->kind == ITEM_FILE ? write_file(t, x, d) :
				     ct_setting_write(&ct_settings_host,
						      x->key, x->value);
}

static int commit(struct tune *t, bool files, unsigned int *begun,
		  struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && t->at.there && i < t->at.steps.n; i++) {
		const struct item_step *s = &t->at.steps.v[i];

		if (files != (s->item.kind == ITEM_FILE))
			continue;
		*begun |= BEGUN_TOLD;
		err = write_item(t, &s->item, d);
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

void tune_release(struct tune *t)
{
	beside_release(&t->at);
	items_release(&t->was);
	items_release(&t->ours);
	*t = (struct tune){ 0 };
}
