/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/notrack.c: the checks in turn, and the list that they fill. */
#include "audit/notrack_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

int inspect_add(struct inspection *j, enum diag_level level, enum diag_id id,
	      uint32_t rule, uint32_t other, char *help, const char *fmt, ...)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_free_ char *kept = help;
	struct flaws *l = j->out;
	va_list ap;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].id == id && l->v[i].rule == rule)
			return 0;
	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	if (j->lost || strbuf_status(&b) ||
	    mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n++] = (struct flaw){
		.level = level, .id = id, .rule = rule, .other = other,
		.msg = strbuf_take(&b), .help = TAKE_PTR(kept),
	};
	l->errors += level == DIAG_ERROR;
	l->warnings += level == DIAG_WARNING;
	return 0;
}

static void inspect_release(struct inspection *j)
{
	uses_release(&j->notrack);
	uses_release(&j->dnat);
	uses_release(&j->snat);
	walker_free(&j->walker);
	free(j->one_way);
}

static int prepare(struct inspection *j)
{
	int err = uses_find(j->f, USE_NOTRACK, &j->notrack);

	if (!err)
		err = uses_find(j->f, USE_DNAT, &j->dnat);
	if (!err)
		err = uses_find(j->f, USE_SNAT, &j->snat);
	if (!err)
		err = walker_new(j->f, &j->walker);
	if (err)
		return err;
	keepers_find(j->f, &j->keepers);
	j->one_way = calloc(j->notrack.n + 1, sizeof(*j->one_way));
	return j->one_way ? 0 : -ENOMEM;
}

static bool has_notrack(const struct foreign *f)
{
	for (size_t i = 0; i < f->n_rules; i++)
		if (f->rules[i].features & FEATURE_BIT(NOTRACK) &&
		    !foreign_is_gone(&f->rules[i]))
			return true;
	return false;
}

int notrack_judge(const struct foreign *f, bool forwards,
		  const struct prefix_set *local, struct flaws *ret,
		  struct diags *d)
{
	static int (*const checks[])(struct inspection *) = {
		inspect_legs, inspect_places, inspect_nat, inspect_accepts,
	};
	_cleanup_(flaws_release) struct flaws out = { 0 };
	_cleanup_(inspect_release) struct inspection j = {
		.f = f, .out = &out, .forwards = forwards,
		.local = local,
	};
	int err = 0;

	if (has_notrack(f)) {
		err = prepare(&j);
		for (size_t i = 0; !err && i < ARRAY_SIZE(checks); i++)
			err = checks[i](&j);
	}
	if (err)
		return err;
	if (j.notrack.cut || j.dnat.cut || j.snat.cut)
		diag_add(d, DIAG_WARNING, 0, ID_NOTRACK_CUT, NOPOS,
			 "so many NOTRACK rules that not all were compared");
	if (d->lost)
		return -ENOMEM;
	*ret = out;
	out = (struct flaws){ 0 };
	return 0;
}

void flaws_release(struct flaws *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].msg);
		free(l->v[i].help);
	}
	free(l->v);
	*l = (struct flaws){ 0 };
}
