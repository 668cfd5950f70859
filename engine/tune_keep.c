/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/tune_keep.h"

#include <errno.h>
#include <string.h>

#include "core/intern.h"
#include "core/lines.h"
#include "core/mem.h"
#include "engine/off_aim.h"
#include "engine/tune_files.h"
#include "engine/tune_want.h"
#include "host/own_files.h"
#include "state/note.h"

/* Of a note, before each item. */
#define WAS "was "
#define NOW "now "

static void keep_files(struct items *items)
{
	size_t n = 0;

	for (size_t i = 0; i < items->n; i++)
		if (items->v[i].kind == ITEM_FILE)
			items->v[n++] = items->v[i];
	items->n = n;
}

int tune_write_record(const struct tune *t, struct record *r)
{
	/* Rules of this change may load what there is nothing to set of yet. */
	if (!t->at.there || !(t->at.steps.n || (t->absent && t->at.want.n)))
		return 0;
	return beside_write_record(&t->at, TUNE_TARGET, r);
}

static int take_items(struct items *to, const char *line)
{
	_cleanup_(items_release) struct items one = { 0 };
	int err = items_parse(line, strlen(line), &one);

	return err || !one.n ? err : items_add(to, one.v[0].kind, one.v[0].key,
					       one.v[0].value);
}

static int take_line(char *line, void *arg)
{
	struct tune *t = arg;

	if (!strncmp(line, WAS, strlen(WAS)))
		return take_items(&t->was, line + strlen(WAS));
	if (!strncmp(line, NOW, strlen(NOW)))
		return take_items(&t->ours, line + strlen(NOW));
	return -EINVAL;
}

/* After a boot settings are ctpolicy's only by its file. */
static bool outlives_boots(const struct tune *t)
{
	_cleanup_free_ char *text = NULL;

	return !own_file_read(own_file_path(OWN_FILE_SYSCTLS), &text) &&
	       text && tune_owns(t, text);
}

/* A note that is damaged is said, and nothing is known. */
static int read_note(struct tune *t, struct state *state, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	const char *items = NULL;
	bool here = false;
	size_t len;
	int err;

	if (t->note || !state)
		return 0;
	err = note_read(state, NOTE_SETTINGS, &text, &len, d);
	t->note = intern(err ? "" : text);
	if (!t->note)
		return -ENOMEM;
	if (!err)
		items = note_behind_space(state, text, &here);
	if (!items || (!here && !outlives_boots(t)))
		return err == -ENOMEM ? err : 0;
	err = lines_each(items, strlen(items), take_line, t);
	if (err) {
		items_release(&t->was);
		items_release(&t->ours);
	}
	return err == -ENOMEM ? err : 0;
}

int tune_aim(struct plan *p, struct state *state)
{
	struct tune *t = &p->change.tune;
	int err = tune_know_space(t);

	if (!err)
		err = read_note(t, state, &p->diags);
	if (!err)
		err = tune_find_wanted(p);
	if (!err)
		t->at.there = t->at.want.n || t->was.n;
	return err;
}

/* What the change found not loaded, and set later, is in the note alone. */
static int want_noted(struct tune *t)
{
	int err = 0;

	for (size_t i = 0; !err && i < t->at.after.n; i++) {
		const struct item *x = &t->at.after.v[i];
		const char *was = items_value(&t->was, x->kind, x->key);

		if (was && !items_value(&t->at.want, x->kind, x->key))
			err = items_put(&t->at.want, x->kind, x->key, was);
	}
	return err;
}

int tune_read_record(struct plan *p, const struct record_part *part)
{
	struct tune *t = &p->change.tune;
	int err = tune_know_space(t);

	t->at.there = t->yields = true;
	if (!err)
		err = read_note(t, p->state, &p->diags);
	if (!err)
		err = beside_read_record(&t->at, part, "settings", &p->diags);
	return err ? err : want_noted(t);
}

int tune_leave_to_files(struct tune *t)
{
	keep_files(&t->at.want);
	keep_files(&t->at.after);
	return t->at.there ? tune_compare(t) : 0;
}

static void print_lines(const char *word, const struct items *items,
			struct strbuf *out)
{
	for (size_t i = 0; i < items->n; i++) {
		const struct items one = { &items->v[i], 1, 1 };

		strbuf_puts(out, word);
		items_print(&one, out);
	}
}

static int write_note(struct plan *p, const struct items *was,
		      const struct items *ours)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct tune *t = &p->change.tune;
	int err;

	if (was->n) {
		note_put_space(p->state, &b);
		print_lines(WAS, was, &b);
		print_lines(NOW, ours, &b);
	}
	if (strbuf_status(&b))
		return -ENOMEM;
	if (t->note && !strcmp(t->note, strbuf_str(&b)))
		return 0;
	err = note_write(p->state, NOTE_SETTINGS, strbuf_str(&b), b.n,
			 &p->diags);
	t->note = err ? t->note : intern(strbuf_str(&b));
	return err;
}

/* Each sysctl that is wanted, if not noted yet, as it is in `now`. */
static int add_was(const struct items *want, const struct items *now,
		   struct items *was)
{
	int err = 0;

	for (size_t i = 0; !err && i < want->n; i++) {
		const struct item *x = &want->v[i];
		const char *value = items_value(now, x->kind, x->key);

		if (x->kind == ITEM_SYSCTL && value &&
		    !items_value(was, x->kind, x->key))
			err = items_add(was, x->kind, x->key, value);
	}
	return err;
}

static int add_all(struct items *to, const struct items *from)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++)
		if (from->v[i].kind == ITEM_SYSCTL)
			err = items_add(to, ITEM_SYSCTL, from->v[i].key,
					from->v[i].value);
	return err;
}

/* What may be there meanwhile is ours, be it the old value or the new one. */
int tune_note(struct plan *p)
{
	_cleanup_(items_release) struct items was = { 0 };
	_cleanup_(items_release) struct items ours = { 0 };
	struct tune *t = &p->change.tune;
	int err;

	if (!t->at.there || !t->at.steps.n || t->absent || t->noted)
		return 0;
	err = items_copy(&t->was, &was);
	if (!err)
		err = add_was(&t->at.want, &t->at.live, &was);
	if (!err)
		err = items_copy(&t->ours, &ours);
	if (!err)
		err = add_all(&ours, &t->at.want);
	if (!err)
		err = write_note(p, &was, &ours);
	t->noted = !err;
	return err;
}

/* The steps and the old texts of files that were written meanwhile. */
static int keep_written(struct tune *t, const struct items *live,
			const struct item_steps *steps)
{
	int err = 0;

	for (size_t i = 0; !err && i < live->n; i++)
		if (live->v[i].kind == ITEM_FILE)
			err = items_put(&t->at.live, ITEM_FILE, live->v[i].key,
					live->v[i].value);
	for (size_t i = 0; !err && i < steps->n; i++)
		err = item_steps_add(&t->at.steps, steps->v[i].add,
				     &steps->v[i].item);
	return err;
}

int tune_catch_up(struct plan *p, unsigned int *begun)
{
	struct tune *t = &p->change.tune;
	struct items live = t->at.live;
	struct item_steps steps = t->at.steps;
	int err;

	if (!t->at.there || !t->absent)
		return 0;
	t->at.live = (struct items){ 0 };
	t->at.steps = (struct item_steps){ 0 };
	err = tune_compare(t);
	if (!err)
		err = tune_note(p);
	if (!err)
		err = tune_commit(t, begun, &p->diags);
	if (!err)
		err = keep_written(t, &live, &steps);
	items_release(&live);
	free(steps.v);
	return err;
}

/* What is in force now, and differs from what it was before us. */
static int sum_up(const struct tune *t, struct items *was,
		  struct items *ours)
{
	const struct items *then = t->at.begun ? &t->at.before : &t->at.live;
	_cleanup_(items_release) struct items all = { 0 };
	int err = items_copy(&t->was, &all);

	if (!err)
		err = add_was(&t->at.want, then, &all);
	for (size_t i = 0; !err && i < all.n; i++) {
		const struct item *x = &all.v[i];
		const char *now = items_value(&t->at.want, x->kind, x->key);

		if (!now)
			now = items_value(&t->ours, x->kind, x->key);
		if (!now || !strcmp(now, x->value))
			continue;
		err = items_add(was, x->kind, x->key, x->value);
		if (!err)
			err = items_add(ours, x->kind, x->key, now);
	}
	return err;
}

/* One that cannot be written says too much: what is not ours is left alone. */
void tune_settle(struct plan *p, bool done)
{
	_cleanup_(items_release) struct items was = { 0 };
	_cleanup_(items_release) struct items ours = { 0 };
	struct tune *t = &p->change.tune;
	size_t said = p->diags.n;
	int err;

	if (!p->state || !t->at.there || (!done && (!t->noted || t->gave_up)))
		return;
	if (done)
		err = sum_up(t, &was, &ours);
	else if (!(err = items_copy(&t->was, &was)))
		err = items_copy(&t->ours, &ours);
	if (!err)
		err = write_note(p, &was, &ours);
	if (err)
		diags_truncate(&p->diags, said);
}
