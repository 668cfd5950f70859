/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/off_aim.h"

#include <errno.h>
#include <string.h>

#include "core/digest.h"
#include "core/mem.h"
#include "engine/boot_keep.h"
#include "engine/tune_keep.h"
#include "state/note.h"

static int put_text(const struct off_items *items, struct rules_text *text,
		    uint64_t *ret_digest)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	off_print(items, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	*ret_digest = digest_add(DIGEST_START, strbuf_str(&b), b.n);
	text->len = b.n;
	text->s = strbuf_take(&b);
	return text->s ? 0 : -ENOMEM;
}

int off_write_part(struct record *r, const char *target,
		   const struct off_items *before,
		   const struct off_items *after)
{
	struct record_part *part = record_add_part(r, target);
	int err;

	if (!part)
		return -ENOMEM;
	err = put_text(before, &part->before, &part->digest_before);
	return err ? err : put_text(after, &part->after, &part->digest_after);
}

int off_write_record(const struct off *o, struct record *r)
{
	return o->there && o->steps.n ?
		       off_write_part(r, OFF_TARGET, &o->live, &o->want) : 0;
}

int off_read_record(struct off *o, const struct record_part *part,
		    struct diags *d)
{
	int err = off_parse(part->before.s, part->before.len, &o->want);

	if (!err)
		err = off_parse(part->after.s, part->after.len, &o->after);
	if (err == -EINVAL)
		diag_add(d, DIAG_ERROR, 0, ID_STATE_FILE_DAMAGED, NOPOS,
			 "the record does not list modules as it should");
	return err;
}

/* Whose modules these were: "boot SPACE", a line before them. */
#define BOOT "boot "

static int read_note(struct plan *p, struct state *state, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = note_read(state, NOTE_MODULES, &text, &len, &p->diags);

	if (err)
		return err;
	*ret = TAKE_PTR(text);
	return 0;
}

/* Another boot has loaded what it wants. */
static const char *of_this_boot(const char *note, const struct state *state)
{
	const char *space = state_space(state);
	size_t n = strlen(space);

	if (strncmp(note, BOOT, strlen(BOOT)))
		return NULL;
	note += strlen(BOOT);
	return !strncmp(note, space, n) && note[n] == '\n' ? note + n + 1 :
							     NULL;
}

static int find_unloaded(struct plan *p, struct state *state)
{
	struct off *o = &p->change.off;
	_cleanup_free_ char *note = NULL;
	const char *items;
	int err = read_note(p, state, &note);

	items = err ? NULL : of_this_boot(note, state);
	if (items)
		err = off_parse(items, strlen(items), &o->want);
	o->there = !err && o->want.n;
	return err == -ENOMEM ? err : 0;
}

static int aim(struct plan *p, struct state *state)
{
	int err = boot_aim(p, state);

	if (!err && state && !p->change.off.there)
		err = find_unloaded(p, state);
	return err ? err : tune_aim(p, state);
}

int off_aim(struct plan *p)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	_cleanup_(state_close) struct state *state = NULL;

	p->change.off.there = p->policy && p->policy->unload_modules;
	if (p->state)
		return aim(p, p->state);
	if (state_open_reading(p->rq->state_dir, &state, &unsaid) == -ENOMEM)
		return -ENOMEM;
	return aim(p, state);
}

int off_note(struct plan *p)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct off *o = &p->change.off;
	int err;

	if (!o->there || o->want.n || !o->steps.n || o->noted)
		return 0;
	err = read_note(p, p->state, &o->note_before);
	if (err == -ENOMEM)
		return err;
	strbuf_printf(&b, BOOT "%s\n", state_space(p->state));
	off_print(&o->live, &b);
	err = strbuf_status(&b);
	if (!err)
		err = note_write(p->state, NOTE_MODULES, strbuf_str(&b), b.n,
				 &p->diags);
	o->noted = !err;
	return err;
}

/* One that cannot be written says too much: what is loaded stays loaded. */
void off_settle(struct plan *p, bool done)
{
	const struct off *o = &p->change.off;
	const char *note = o->note_before ? o->note_before : "";
	size_t said = p->diags.n;

	if (!p->state || !o->there || (done ? !o->want.n : !o->noted))
		return;
	if (done)
		note = "";
	if (note_write(p->state, NOTE_MODULES, note, strlen(note), &p->diags))
		diags_truncate(&p->diags, said);
}
