/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/change/shape_index.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/change/change_summary.h"
#include "core/mem.h"

static void index_release(struct shape_index *x)
{
	name_index_release(&x->at);
	free(x->ends);
	free(x->run);
	*x = (struct shape_index){ 0 };
}

static int find_ends(struct shape_index *x, const char *service, size_t *ret)
{
	size_t at = name_index_find(&x->at, service, 0);

	if (at == SIZE_MAX) {
		at = x->n_ends;
		if (mem_grow(&x->ends, &x->cap_ends, at + 1) ||
		    name_index_add(&x->at, service, 0))
			return -ENOMEM;
		x->ends[x->n_ends++] = (struct shape_ends){
			SIZE_MAX, SIZE_MAX,
		};
	}
	*ret = at;
	return 0;
}

static int add_run(struct shape_index *x, const char *service,
		   const struct shape_run *r)
{
	size_t at;
	int err = find_ends(x, service, &at);

	if (err || mem_grow(&x->run, &x->cap_runs, x->n_runs + 1))
		return -ENOMEM;
	if (x->ends[at].last == SIZE_MAX)
		x->ends[at].first = x->n_runs;
	else
		x->run[x->ends[at].last].next = x->n_runs;
	x->ends[at].last = x->n_runs;
	x->run[x->n_runs] = *r;
	x->run[x->n_runs++].next = SIZE_MAX;
	return 0;
}

/* *any: some element names a service. */
static int index_set(struct shape_index *x, const struct image_rule *r,
		     const struct image_set *set, bool *any)
{
	const struct elems *e = &set->elems;
	int err = 0;

	for (size_t i = 0, n; !err && i < e->n; i += n) {
		const struct origin *o = elems_origin(e, i);

		for (n = 1; i + n < e->n && elems_origin(e, i + n) == o;)
			n++;
		if (!o || !o->service)
			continue;
		*any = true;
		err = add_run(x, o->service, &(struct shape_run){
			.rule = r, .set = set, .first = i, .n = n });
	}
	return err;
}

static int index_rule(struct shape_index *x, const struct image_table *t,
		      const struct image_rule *r)
{
	bool any = false;
	int err = 0;

	for (size_t i = 0; !err && i < r->n_lookups; i++) {
		const struct image_set *set = summary_set(x->of, t,
							  r->lookup[i].set);

		if (set)
			err = index_set(x, r, set, &any);
	}
	if (err || any || !r->origin || !r->origin->service)
		return err;
	return add_run(x, r->origin->service,
		       &(struct shape_run){ .rule = r });
}

static bool concerns_tracking(const struct image_rule *r)
{
	return r->verdict == VERDICT_NOTRACK || r->verdict == VERDICT_TIMERS;
}

static int index_chain(struct shape_index *x, const struct image_table *t,
		       const struct image_chain *c)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->n_rules; i++)
		if (concerns_tracking(&c->rules[i]))
			err = index_rule(x, t, &c->rules[i]);
	return err;
}

static int index_image(struct shape_index *x, const struct image *img)
{
	int err = 0;

	x->of = img;
	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; !err && k < t->n_chains; k++)
			err = index_chain(x, t, &t->chains[k]);
	}
	return err;
}

int shapes_index(struct shapes *s, const struct image *img,
		 const struct shape_index **ret)
{
	_cleanup_(index_release) struct shape_index x = { 0 };
	size_t i = 0;
	int err;

	while (i < s->n && s->v[i].of != img)
		i++;
	if (i == s->n) {
		err = index_image(&x, img);
		if (err || mem_grow(&s->v, &s->cap, s->n + 1))
			return -ENOMEM;
		s->v[s->n++] = x;
		x = (struct shape_index){ 0 };
	}
	*ret = &s->v[i];
	return 0;
}

size_t shape_index_find(const struct shape_index *x, const char *service)
{
	size_t at = name_index_find(&x->at, service, 0);

	return at == SIZE_MAX ? SIZE_MAX : x->ends[at].first;
}

void shapes_release(struct shapes *s)
{
	for (size_t i = 0; i < s->n; i++)
		index_release(&s->v[i]);
	free(s->v);
	*s = (struct shapes){ .of = s->of };
}
