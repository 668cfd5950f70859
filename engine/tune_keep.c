/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/tune_keep.h"

#include <errno.h>
#include <string.h>

#include "core/intern.h"
#include "core/lines.h"
#include "core/mem.h"
#include "engine/off_aim.h"
#include "engine/off_state.h"
#include "engine/tune_files.h"
#include "engine/tune_want.h"
#include "host/own_files.h"
#include "state/note.h"

/* A note's first line, "boot SPACE"; then "was" and "now" before each item. */
#define BOOT "boot "
#define WAS "was "
#define NOW "now "

static void keep_files(struct off_items *items)
{
	size_t n = 0;

	for (size_t i = 0; i < items->n; i++)
		if (items->v[i].kind == OFF_FILE)
			items->v[n++] = items->v[i];
	items->n = n;
}

int tune_write_record(const struct tune *t, struct record *r)
{
	/* Rules of this change may load what there is nothing to set of yet. */
	if (!t->there || !(t->steps.n || (t->absent && t->want.n)))
		return 0;
	return off_write_part(r, TUNE_TARGET, &t->live, &t->want);
}

struct reading {
	struct tune *t;
	const char *space;
	bool valid;		/* it is about this boot, or outlives it */
};

static int take_items(struct off_items *to, const char *line)
{
	_cleanup_(off_items_release) struct off_items one = { 0 };
	int err = off_parse(line, strlen(line), &one);

	return err || !one.n ? err : off_add(to, one.v[0].kind, one.v[0].key,
					     one.v[0].value);
}

static int take_line(char *line, void *arg)
{
	struct reading *r = arg;

	if (!strncmp(line, BOOT, strlen(BOOT))) {
		r->valid |= !strcmp(line + strlen(BOOT), r->space);
		return 0;
	}
	if (!strncmp(line, WAS, strlen(WAS)))
		return take_items(&r->t->was, line + strlen(WAS));
	if (!strncmp(line, NOW, strlen(NOW)))
		return take_items(&r->t->ours, line + strlen(NOW));
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
	struct reading r = { t, "", outlives_boots(t) };
	size_t len;
	int err;

	if (t->note || !state)
		return 0;
	r.space = state_space(state);
	err = note_read(state, NOTE_SETTINGS, &text, &len, d);
	t->note = intern(err ? "" : text);
	if (!t->note)
		return -ENOMEM;
	if (!err)
		err = lines_each(text, len, take_line, &r);
	if (err || !r.valid) {
		off_items_release(&t->was);
		off_items_release(&t->ours);
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
		t->there = t->want.n || t->was.n;
	return err;
}

/* What the change found not loaded, and set later, is in the note alone. */
static int want_noted(struct tune *t)
{
	int err = 0;

	for (size_t i = 0; !err && i < t->after.n; i++) {
		const struct off_item *x = &t->after.v[i];
		const char *was = off_value(&t->was, x->kind, x->key);

		if (was && !off_value(&t->want, x->kind, x->key))
			err = off_put(&t->want, x->kind, x->key, was);
	}
	return err;
}

int tune_read_record(struct plan *p, const struct record_part *part)
{
	struct tune *t = &p->change.tune;
	int err = tune_know_space(t);

	t->there = t->yields = true;
	if (!err)
		err = read_note(t, p->state, &p->diags);
	if (!err)
		err = off_parse(part->before.s, part->before.len, &t->want);
	if (!err)
		err = off_parse(part->after.s, part->after.len, &t->after);
	if (!err)
		err = want_noted(t);
	if (err == -EINVAL)
		diag_add(&p->diags, DIAG_ERROR, 0, ID_STATE_FILE_DAMAGED,
			 NOPOS,
			 "the record does not list settings as it should");
	return err;
}

int tune_leave_to_files(struct tune *t)
{
	keep_files(&t->want);
	keep_files(&t->after);
	return t->there ? tune_compare(t) : 0;
}

static void print_lines(const char *word, const struct off_items *items,
			struct strbuf *out)
{
	for (size_t i = 0; i < items->n; i++) {
		const struct off_items one = { &items->v[i], 1, 1 };

		strbuf_puts(out, word);
		off_print(&one, out);
	}
}

static int write_note(struct plan *p, const struct off_items *was,
		      const struct off_items *ours)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct tune *t = &p->change.tune;
	int err;

	if (was->n) {
		strbuf_printf(&b, BOOT "%s\n", state_space(p->state));
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
static int add_was(const struct off_items *want, const struct off_items *now,
		   struct off_items *was)
{
	int err = 0;

	for (size_t i = 0; !err && i < want->n; i++) {
		const struct off_item *x = &want->v[i];
		const char *value = off_value(now, x->kind, x->key);

		if (x->kind == OFF_SYSCTL && value &&
		    !off_value(was, x->kind, x->key))
			err = off_add(was, x->kind, x->key, value);
	}
	return err;
}

static int add_all(struct off_items *to, const struct off_items *from)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++)
		if (from->v[i].kind == OFF_SYSCTL)
			err = off_add(to, OFF_SYSCTL, from->v[i].key,
				      from->v[i].value);
	return err;
}

/* What may be there meanwhile is ours, be it the old value or the new one. */
int tune_note(struct plan *p)
{
	_cleanup_(off_items_release) struct off_items was = { 0 };
	_cleanup_(off_items_release) struct off_items ours = { 0 };
	struct tune *t = &p->change.tune;
	int err;

	if (!t->there || !t->steps.n || t->absent || t->noted)
		return 0;
	err = off_copy(&t->was, &was);
	if (!err)
		err = add_was(&t->want, &t->live, &was);
	if (!err)
		err = off_copy(&t->ours, &ours);
	if (!err)
		err = add_all(&ours, &t->want);
	if (!err)
		err = write_note(p, &was, &ours);
	t->noted = !err;
	return err;
}

/* The steps and the old texts of files that were written meanwhile. */
static int keep_written(struct tune *t, const struct off_items *live,
			const struct off_steps *steps)
{
	int err = 0;

	for (size_t i = 0; !err && i < live->n; i++)
		if (live->v[i].kind == OFF_FILE)
			err = off_put(&t->live, OFF_FILE, live->v[i].key,
				      live->v[i].value);
	for (size_t i = 0; !err && i < steps->n; i++) {
		err = mem_grow(&t->steps.v, &t->steps.cap, t->steps.n + 1);
		if (!err)
			t->steps.v[t->steps.n++] = steps->v[i];
	}
	return err;
}

int tune_catch_up(struct plan *p, unsigned int *begun)
{
	struct tune *t = &p->change.tune;
	struct off_items live = t->live;
	struct off_steps steps = t->steps;
	int err;

	if (!t->there || !t->absent)
		return 0;
	t->live = (struct off_items){ 0 };
	t->steps = (struct off_steps){ 0 };
	err = tune_compare(t);
	if (!err)
		err = tune_note(p);
	if (!err)
		err = tune_commit(t, begun, &p->diags);
	if (!err)
		err = keep_written(t, &live, &steps);
	off_items_release(&live);
	free(steps.v);
	return err;
}

/* What is in force now, and differs from what it was before us. */
static int sum_up(const struct tune *t, struct off_items *was,
		  struct off_items *ours)
{
	const struct off_items *then = t->begun ? &t->before : &t->live;
	_cleanup_(off_items_release) struct off_items all = { 0 };
	int err = off_copy(&t->was, &all);

	if (!err)
		err = add_was(&t->want, then, &all);
	for (size_t i = 0; !err && i < all.n; i++) {
		const struct off_item *x = &all.v[i];
		const char *now = off_value(&t->want, x->kind, x->key);

		if (!now)
			now = off_value(&t->ours, x->kind, x->key);
		if (!now || !strcmp(now, x->value))
			continue;
		err = off_add(was, x->kind, x->key, x->value);
		if (!err)
			err = off_add(ours, x->kind, x->key, now);
	}
	return err;
}

/* One that cannot be written says too much: what is not ours is left alone. */
void tune_settle(struct plan *p, bool done)
{
	_cleanup_(off_items_release) struct off_items was = { 0 };
	_cleanup_(off_items_release) struct off_items ours = { 0 };
	struct tune *t = &p->change.tune;
	size_t said = p->diags.n;
	int err;

	if (!p->state || !t->there || (!done && (!t->noted || t->gave_up)))
		return;
	if (done)
		err = sum_up(t, &was, &ours);
	else if (!(err = off_copy(&t->was, &was)))
		err = off_copy(&t->ours, &ours);
	if (!err)
		err = write_note(p, &was, &ours);
	if (err)
		diags_truncate(&p->diags, said);
}
