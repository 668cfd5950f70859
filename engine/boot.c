/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "engine/boot_find.h"
#include "engine/boot_place.h"

const char *boot_action(const struct boot_step *s)
{
	return s->add ? "edit" : "restore";
}

void boot_print_step(const struct boot_step *s, struct strbuf *out)
{
	strbuf_printf(out, "%s file %s:%u: %.*s", boot_action(s),
		      s->edit.path, s->edit.line,
		      (int)strcspn(s->edit.was, "\r\n"), s->edit.was);
}

static int compare(const struct boot_edit *a, const struct boot_edit *b)
{
	int by = strcmp(a->path, b->path);

	if (by)
		return by;
	return a->line < b->line ? -1 : a->line > b->line;
}

static bool is_same(const struct boot_edit *a, const struct boot_edit *b)
{
	return !compare(a, b) && !strcmp(a->was, b->was) &&
	       !strcmp(a->is, b->is);
}

bool boot_has(const struct boot_edits *in, const struct boot_edit *e)
{
	for (size_t i = 0; i < in->n; i++)
		if (is_same(&in->v[i], e))
			return true;
	return false;
}

bool boot_same(const struct boot_edits *a, const struct boot_edits *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = is_same(&a->v[i], &b->v[i]);
	return same;
}

int boot_add(struct boot_edits *to, const struct boot_edit *e)
{
	size_t i;

	if (boot_has(to, e))
		return 0;
	if (mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	for (i = to->n++; i && compare(&to->v[i - 1], e) > 0; i--)
		to->v[i] = to->v[i - 1];
	to->v[i] = *e;
	return 0;
}

int boot_add_all(struct boot_edits *to, const struct boot_edits *from)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++)
		err = boot_add(to, &from->v[i]);
	return err;
}

static int add_step(struct boot_steps *s, bool add, const struct boot_edit *e)
{
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return -ENOMEM;
	s->v[s->n++] = (struct boot_step){ add, *e };
	return 0;
}

int boot_look(const struct boot_edits *of, struct boot_edits *ret)
{
	_cleanup_(boot_edits_release) struct boot_edits live = { 0 };
	_cleanup_free_ struct boot_place *now = NULL;
	int err = boot_places_now(of, &now);

	for (size_t i = 0; !err && i < of->n; i++)
		if (now[i].holds == BOOT_HOLDS_IS)
			err = boot_add(&live, &of->v[i]);
	if (err)
		return err;
	boot_edits_release(ret);
	*ret = live;
	live = (struct boot_edits){ 0 };
	return 0;
}

static void say_changed(const struct boot_edit *e, bool wanted,
			struct diags *d)
{
	diag_add(d, DIAG_WARNING, 0, ID_FILE_CHANGED,
		 (struct srcpos){ e->path, e->line, 1, 0 },
		 "somebody changed this file since ctpolicy edited it: the line is left as it is");
	diag_help(d, wanted ? "it was: %.*s" : "before ctpolicy it was: %.*s",
		  (int)strcspn(wanted ? e->is : e->was, "\r\n"),
		  wanted ? e->is : e->was);
}

/* Known edits, where they are now; what is wanted must be one of these. */
static int take_stock(struct boot *b, const struct boot_place *now,
		      struct boot_steps *s, struct diags *d)
{
	int err = 0;

	for (size_t i = 0; !err && i < b->known.n; i++) {
		const struct boot_edit *e = &b->known.v[i];
		bool wanted = boot_has(&b->want, e);

		if (now[i].holds == BOOT_HOLDS_NEITHER) {
			if (!b->said)
				say_changed(e, wanted, d);
		} else if (now[i].holds == BOOT_HOLDS_IS) {
			err = boot_add(&b->live, e);
			if (!err && !wanted && !boot_has(&b->given_up, e))
				err = add_step(s, false, e);
		} else if (wanted && !boot_has(&b->given_up, e)) {
			err = add_step(s, true, e);
		}
	}
	return err;
}

static bool has_given_up(const struct boot *b, const char *path)
{
	for (size_t i = 0; i < b->given_up.n; i++)
		if (!strcmp(b->given_up.v[i].path, path))
			return true;
	return false;
}

/* A file that somebody writes meanwhile may want another edit by now. */
static int want_found(struct boot *b, const struct boot_edits *found)
{
	int err = 0;

	for (size_t i = 0; !err && i < found->n; i++) {
		const struct boot_edit *e = &found->v[i];

		if (b->yields && has_given_up(b, e->path))
			continue;
		err = boot_add(&b->want, e);
		if (!err)
			err = boot_add(&b->known, e);
	}
	return err;
}

/* What the host's files hold now is wanted, besides what was done to them. */
static int look_around(struct boot *b, struct diags *d)
{
	_cleanup_(boot_finds_release) struct boot_finds found = { 0 };
	int err = boot_find(&found);

	if (!err && b->edits)
		err = boot_look(&b->known, &b->want);
	if (!err && b->edits)
		err = want_found(b, &found.edits);
	if (!err && !b->said)
		boot_say(&found, b->edits ? BOOT_EDITS : BOOT_REPORTS, d);
	return err;
}

int boot_compare(struct boot *b, struct diags *d)
{
	_cleanup_free_ struct boot_place *now = NULL;
	struct boot_steps s = { 0 };
	int err = b->looks ? look_around(b, d) : 0;

	if (!err)
		err = boot_places_now(&b->known, &now);
	boot_edits_release(&b->live);
	if (!err)
		err = take_stock(b, now, &s, d);
	if (err) {
		free(s.v);
		return err;
	}
	b->said = true;
	free(b->steps.v);
	b->steps = s;
	return 0;
}

bool boot_is_complete(const struct boot *b)
{
	return boot_same(&b->live, &b->after);
}

void boot_remember(struct boot *b, bool keeps_steps)
{
	if (!b->there)
		return;
	boot_edits_release(&b->before);
	b->before = b->live;
	b->live = (struct boot_edits){ 0 };
	b->begun = true;
	if (!keeps_steps)
		return;
	free(b->made.v);
	b->made = b->steps;
	b->steps = (struct boot_steps){ 0 };
}

void boot_edits_release(struct boot_edits *e)
{
	free(e->v);
	*e = (struct boot_edits){ 0 };
}

void boot_release(struct boot *b)
{
	struct boot_edits *all[] = {
		&b->known, &b->live, &b->want, &b->noted, &b->after,
		&b->before, &b->given_up,
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		boot_edits_release(all[i]);
	free(b->steps.v);
	free(b->made.v);
	*b = (struct boot){ 0 };
}
