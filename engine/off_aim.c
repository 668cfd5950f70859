/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/off_aim.h"

#include <errno.h>
#include <string.h>

#include "core/digest.h"
#include "core/mem.h"

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

int off_write_record(const struct off *o, struct record *r)
{
	struct record_part *part;
	int err;

	if (!o->there || !o->steps.n)
		return 0;
	part = record_add_part(r, OFF_TARGET);
	if (!part)
		return -ENOMEM;
	err = put_text(&o->live, &part->before, &part->digest_before);
	return err ? err : put_text(&o->want, &part->after,
				    &part->digest_after);
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

static const struct record_part *part_of(const struct record *r)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (!strcmp(r->parts[i].target, OFF_TARGET))
			return &r->parts[i];
	return NULL;
}

/* The newest record of this boot that speaks of modules; *done: it did. */
static int look_at(struct plan *p, struct state *state, uint32_t id,
		   bool *done)
{
	_cleanup_(record_release) struct record r = { 0 };
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	const struct record_part *part;
	struct off *o = &p->change.off;
	int err = state_record(state, id, &r, &unsaid);

	if (err)
		return err == -ENOMEM ? err : 0;
	part = part_of(&r);
	if (!part)
		return 0;
	*done = true;
	if (part->after.len || strcmp(r.space, state_space(state)))
		return 0;
	err = off_read_record(o, part, &unsaid);
	o->there = !err && o->want.n;
	return err == -ENOMEM ? err : 0;
}

static int find_unloaded(struct plan *p, struct state *state)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	uint32_t ids[STATE_KEPT + 1];
	bool done = false;
	size_t n = 0;
	int err = state_list(state, ids, &n, &unsaid);

	if (err)
		return err == -ENOMEM ? err : 0;
	while (!err && !done && n)
		err = look_at(p, state, ids[--n], &done);
	return err;
}

int off_aim(struct plan *p)
{
	_cleanup_(diags_release) struct diags unsaid = { 0 };
	_cleanup_(state_close) struct state *state = NULL;
	int err;

	if (p->policy && p->policy->unload_modules) {
		p->change.off.there = true;
		return 0;
	}
	if (p->state)
		return find_unloaded(p, p->state);
	err = state_open_reading(p->rq->state_dir, &state, &unsaid);
	if (err)
		return err == -ENOMEM ? err : 0;
	return find_unloaded(p, state);
}
