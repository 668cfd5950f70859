/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/off_aim.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "engine/boot_keep.h"
#include "engine/peek.h"
#include "engine/tune_keep.h"
#include "state/note.h"

int off_write_record(const struct off *o, struct record *r)
{
	return o->at.there && o->at.steps.n ?
		       beside_write_record(&o->at, OFF_TARGET, r) : 0;
}

int off_read_record(struct off *o, const struct record_part *part,
		    struct diags *d)
{
	return beside_read_record(&o->at, part, "modules", d);
}

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

static int find_unloaded(struct plan *p, struct state *state)
{
	struct off *o = &p->change.off;
	_cleanup_free_ char *note = NULL;
	bool here = false;
	int err = read_note(p, state, &note);
	const char *items = err ? NULL : note_behind_space(state, note, &here);

	/* Another boot has loaded what it wants. */
	if (items && here)
		err = items_parse(items, strlen(items), &o->at.want);
	o->at.there = !err && o->at.want.n;
	return err == -ENOMEM ? err : 0;
}

static int aim(struct plan *p, struct state *state)
{
	int err = boot_aim(p, state);

	if (!err && state && !p->change.off.at.there)
		err = find_unloaded(p, state);
	return err ? err : tune_aim(p, state);
}

int off_aim(struct plan *p)
{
	_cleanup_(state_close) struct state *own = NULL;
	struct state *state = NULL;

	p->change.off.at.there = p->policy && p->policy->unload_modules;
	/* what another version unloaded is for that one to load */
	if (peek_open(p, &own, &state) == -ENOMEM)
		return -ENOMEM;
	return aim(p, state);
}

int off_note(struct plan *p)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct off *o = &p->change.off;
	int err;

	if (!o->at.there || o->at.want.n || !o->at.steps.n || o->noted)
		return 0;
	err = read_note(p, p->state, &o->note_before);
	if (err == -ENOMEM)
		return err;
	note_put_space(p->state, &b);
	items_print(&o->at.live, &b);
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

	if (!p->state || !o->at.there || (done ? !o->at.want.n : !o->noted))
		return;
	if (done)
		note = "";
	if (note_write(p->state, NOTE_MODULES, note, strlen(note), &p->diags))
		diags_truncate(&p->diags, said);
}
