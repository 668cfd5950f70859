/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/import_twins.c: legs that are the same, looked at once, and the rules
 * behind each.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/import_parts.h"
#include "core/mem.h"

static unsigned int flags_of(const struct import_leg *g)
{
	return g->notes << 5 | (unsigned int)g->is_every << 4 |
	       (unsigned int)g->leaves << 3 |
	       (unsigned int)g->on_lo << 2 | (unsigned int)g->is_ghost << 1 |
	       g->is_blanket;
}

static int cmp_legs(const struct import_leg *a, const struct import_leg *b)
{
	unsigned int x = flags_of(a), y = flags_of(b);

	if (x != y)
		return x < y ? -1 : 1;
	return box_cmp(&a->box, &b->box, DIM_MAX_);
}

static int by_leg(const void *pa, const void *pb)
{
	const struct import_leg *a = pa, *b = pb;
	int c = cmp_legs(a, b);

	return c ? c : (a->use > b->use) - (a->use < b->use);
}

static int by_of(const void *pa, const void *pb)
{
	const struct import_twin *a = pa, *b = pb;

	if (a->of != b->of)
		return a->of < b->of ? -1 : 1;
	return (a->use > b->use) - (a->use < b->use);
}

int import_find_twins(struct import_legs *l)
{
	size_t k = 0;

	if (!l->n)
		return 0;
	if (mem_grow(&l->twins, &l->cap_twins, l->n))
		return -ENOMEM;
	qsort(l->v, l->n, sizeof(*l->v), by_leg);
	for (size_t i = 1; i < l->n; i++) {
		if (cmp_legs(&l->v[k], &l->v[i])) {
			l->v[++k] = l->v[i];
			continue;
		}
		if (l->v[k].use != l->v[i].use)
			l->twins[l->n_twins++] = (struct import_twin){
				l->v[k].use, l->v[i].use };
		box_release(&l->v[i].box);
	}
	l->n = k + 1;
	if (l->n_twins)
		qsort(l->twins, l->n_twins, sizeof(*l->twins), by_of);
	return 0;
}

static const struct import_twin *first_twin(const struct import_legs *l,
					    uint32_t of)
{
	size_t lo = 0, hi = l->n_twins;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->twins[mid].of < of)
			lo = mid + 1;
		else
			hi = mid;
	}
	return l->twins ? l->twins + lo : NULL;
}

static bool is_twin(const struct import_legs *l, const struct import_twin *t,
		    uint32_t of)
{
	return t && t < l->twins + l->n_twins && t->of == of;
}

static int add_steps(const struct import_legs *l, uint32_t use,
		     struct rule_list *out)
{
	const struct use *x = &l->uses.v[use];

	if (mem_grow(&out->v, &out->cap, out->n + x->n_steps))
		return -ENOMEM;
	for (uint32_t i = 0; i < x->n_steps; i++)
		out->v[out->n++] = l->uses.steps[x->step + i].rule;
	return 0;
}

static int list_rules(const struct import_legs *l, struct rule_list *uses)
{
	struct rule_list out = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < uses->n; i++) {
		uint32_t of = uses->v[i];

		err = add_steps(l, of, &out);
		for (const struct import_twin *t = first_twin(l, of);
		     !err && is_twin(l, t, of); t++)
			err = add_steps(l, t->use, &out);
	}
	free(uses->v);
	*uses = out;
	return err;
}

static const struct use *find_use(const struct import_legs *l, uint32_t rule)
{
	for (size_t i = 0; i < l->uses.n; i++)
		if (l->uses.v[i].rule == rule)
			return &l->uses.v[i];
	return NULL;
}

/* A rule that was left over because of its partner was so for its twins. */
static int leave_twins(const struct import_legs *l, struct import *im)
{
	size_t n = im->n_left;
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		struct import_left x = im->left[i];
		const struct use *u = x.reason == REASON_PARTNER ?
					      find_use(l, x.rule) : NULL;
		uint32_t of = u ? (uint32_t)(u - l->uses.v) : 0;

		for (const struct import_twin *t = u ? first_twin(l, of) : NULL;
		     !err && is_twin(l, t, of); t++) {
			x.rule = l->uses.v[t->use].rule;
			err = import_leave(im, &x);
		}
	}
	return err;
}

int import_list_rules(const struct import_legs *l, struct import *im)
{
	int err = leave_twins(l, im);

	for (size_t i = 0; !err && i < im->n; i++)
		err = list_rules(l, &im->v[i].rules);
	import_sort(im);
	return err;
}
