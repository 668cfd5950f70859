/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/boot_keep.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "engine/boot_place.h"
#include "host/swap.h"
#include "state/note.h"

/* A note that is damaged is said, and nothing is known. */
static int read_note(struct boot *b, struct state *state, struct diags *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = state ? note_read(state, NOTE_FILES, &text, &len, d) :
			  -ENOENT;

	if (!err)
		err = boot_parse(text, len, &b->noted);
	if (!err)
		err = boot_add_all(&b->known, &b->noted);
	return err == -ENOMEM ? err : 0;
}

int boot_aim(struct plan *p, struct state *state)
{
	struct boot *b = &p->change.boot;
	int err = read_note(b, state, &p->diags);

	b->looks = p->policy && p->policy->unload_modules;
	b->edits = b->looks && p->policy->replace_existing;
	b->yields = p->rq->repairs || p->rq->falls_back;
	b->there = b->looks || b->known.n;
	return err;
}

int boot_write_record(const struct boot *b, struct record *r)
{
	_cleanup_(strbuf_release) struct strbuf before = { 0 }, after = { 0 };

	if (!b->there || !b->steps.n)
		return 0;
	boot_print(&b->live, &before);
	boot_print(&b->want, &after);
	return record_add_texts(r, BOOT_TARGET, &before, &after);
}

int boot_read_record(struct plan *p, const struct record_part *part)
{
	struct boot *b = &p->change.boot;
	int err = read_note(b, p->state, &p->diags);

	b->there = b->yields = true;
	if (!err)
		err = boot_parse(part->before.s, part->before.len, &b->want);
	if (!err)
		err = boot_parse(part->after.s, part->after.len, &b->after);
	if (!err)
		err = boot_add_all(&b->known, &b->want);
	if (!err)
		err = boot_add_all(&b->known, &b->after);
	if (err == -EINVAL)
		diag_add(&p->diags, DIAG_ERROR, 0, ID_STATE_FILE_DAMAGED,
			 NOPOS,
			 "the record does not list lines of files as it should");
	return err;
}

static int write_note(struct plan *p, struct boot_edits *e)
{
	_cleanup_(strbuf_release) struct strbuf s = { 0 };
	struct boot *b = &p->change.boot;
	int err;

	if (boot_same(e, &b->noted))
		return 0;
	boot_print(e, &s);
	err = strbuf_status(&s);
	if (!err)
		err = note_write(p->state, NOTE_FILES, strbuf_str(&s), s.n,
				 &p->diags);
	if (err)
		return err;
	boot_edits_release(&b->noted);
	b->noted = *e;
	*e = (struct boot_edits){ 0 };
	return 0;
}

int boot_note(struct plan *p)
{
	_cleanup_(boot_edits_release) struct boot_edits may = { 0 };
	struct boot *b = &p->change.boot;
	int err = b->there ? boot_add_all(&may, &b->live) : 0;

	if (!err && b->there)
		err = boot_add_all(&may, &b->want);
	return err || !b->there ? err : write_note(p, &may);
}

/* Are all known lines of this file as they were? */
static bool is_restored(const struct boot_edits *known,
			const struct boot_place *now, const char *path)
{
	for (size_t i = 0; i < known->n; i++)
		if (known->v[i].path == path &&
		    now[i].holds != BOOT_HOLDS_WAS)
			return false;
	return true;
}

static int tidy(const struct boot_edits *known, struct boot_edits *live)
{
	_cleanup_free_ struct boot_place *now = NULL;
	int err = boot_places_now(known, &now);

	for (size_t i = 0; !err && i < known->n; i++) {
		swap_tidy(known->v[i].path);
		if (is_restored(known, now, known->v[i].path))
			swap_drop_kept(known->v[i].path);
		if (now[i].holds == BOOT_HOLDS_IS)
			err = boot_add(live, &known->v[i]);
	}
	return err;
}

/* What cannot be noted now is noted too much, and looked at next time. */
void boot_settle(struct plan *p)
{
	_cleanup_(boot_edits_release) struct boot_edits live = { 0 };
	struct boot *b = &p->change.boot;
	size_t said = p->diags.n;

	if (!b->there || !p->state || tidy(&b->known, &live))
		return;
	if (write_note(p, &live))
		diags_truncate(&p->diags, said);
}
