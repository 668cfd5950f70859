/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_keep.c: what a job tries out ends with it. Lists of what may
 * begin are many times what is made of them, and of many rules each may be as
 * long as all of them together.
 */
#include "audit/replace_parts.h"
#include "core/mem.h"

/* Of the arrays, what is there already. */
struct mark {
	size_t edits, rules, chains, inner;
};

static struct mark mark_end(const struct stateless *s)
{
	return (struct mark){ s->n_edits, s->n_rules, s->n_chains,
			      s->n_inner };
}

static int keep_rules(struct arena *a, struct stateless_rule *v, size_t from,
		      size_t end)
{
	int err = 0;

	for (size_t i = from; !err && i < end; i++)
		err = zone_copy(a, &v[i].zone);
	return err;
}

/* What has been made since. */
static int keep(struct arena *a, struct stateless *s, struct mark from)
{
	int err = keep_rules(a, s->rules, from.rules, s->n_rules);

	if (!err)
		err = keep_rules(a, s->inner, from.inner, s->n_inner);
	for (size_t i = from.chains; !err && i < s->n_chains; i++)
		err = zone_copy(a, &s->chains[i].own);
	for (size_t i = from.edits; !err && i < s->n_edits; i++)
		err = zone_copy(a, &s->edits[i].own);
	return err;
}

int keep_job(struct replacing *x, uint32_t rule, uint8_t hook, job_fn *fn)
{
	_cleanup_(arena_release) struct arena work = { 0 };
	struct mark before = mark_end(x->out);
	int err;

	x->a = &work;
	err = fn(x, rule, hook);
	x->a = x->kept;
	return err ? err : keep(x->a, x->out, before);
}
