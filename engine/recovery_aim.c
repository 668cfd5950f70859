/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/recovery_aim.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "engine/boot_keep.h"
#include "engine/off_aim.h"
#include "engine/originals.h"
#include "engine/tune_keep.h"

static int open_part(struct plan *p, const char *name)
{
	const struct backend *b = backend_find(name);
	struct part *m;
	int err;

	if (!strcmp(name, OFF_TARGET)) {
		p->change.off.at.there = true;
		return 0;
	}
	if (!strcmp(name, TUNE_TARGET)) {
		p->change.tune.at.there = true;
		return 0;
	}
	if (!strcmp(name, BOOT_TARGET)) {
		p->change.boot.there = true;
		return 0;
	}
	if (b) {
		err = change_add(&p->change, b, &m);
		if (!err)
			err = b->open(&m->ctx, &p->diags);
		return err ? err : originals_tell(p, b, m->ctx);
	}
	return diag_add(&p->diags, DIAG_ERROR, -EOPNOTSUPP,
			ID_BACKEND_NOT_BUILT, NOPOS,
			"the change was made through %s, which this build lacks",
			name);
}

int recovery_open_parts(struct recovery *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->record.n_parts; i++)
		err = open_part(&v->plan, v->record.parts[i].target);
	return err;
}

/* The record's part for a target, NULL: it was not concerned. */
static const struct record_part *find_part(const struct record *r,
					   const char *target)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (!strcmp(r->parts[i].target, target))
			return &r->parts[i];
	return NULL;
}

int recovery_aim(struct recovery *v, const struct record *rec)
{
	const struct record_part *modules = find_part(rec, OFF_TARGET);
	const struct record_part *settings = find_part(rec, TUNE_TARGET);
	const struct record_part *files = find_part(rec, BOOT_TARGET);
	int err = modules ? off_read_record(&v->plan.change.off, modules,
					    &v->plan.diags) : 0;

	if (!err && settings)
		err = tune_read_record(&v->plan, settings);
	if (!err && files)
		err = boot_read_record(&v->plan, files);
	for (size_t i = 0; !err && i < v->plan.change.n; i++) {
		struct part *m = &v->plan.change.v[i];
		const struct record_part *from =
			find_part(rec, m->backend->name);

		past_free(&m->past);
		if (from)
			err = past_read(m->backend, from, &m->past,
					&v->plan.diags);
	}
	return err ? err : plan_compare(&v->plan);
}

bool recovery_is_complete(const struct recovery *v)
{
	const struct change *c = &v->plan.change;
	bool same = true;

	if (c->off.at.there &&
	    (off_holds(&c->off.at.live, &c->off.at.after, &same) || !same))
		return false;
	if (c->tune.at.there && !tune_holds(&c->tune, &c->tune.at.after))
		return false;
	if (c->boot.there && !boot_is_complete(&c->boot))
		return false;
	for (size_t i = 0; i < c->n; i++)
		if (!c->v[i].past ||
		    !past_is_complete(c->v[i].past, c->v[i].live.image))
			return false;
	return true;
}

int recovery_leave_to_files(struct recovery *v)
{
	struct change *c = &v->plan.change;

	while (c->n)
		part_release(&c->v[--c->n]);
	off_release(&c->off);
	v->what = RECOVERED_PAST;
	return tune_leave_to_files(&c->tune);
}
