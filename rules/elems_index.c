/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/elems_index.h"

#include <string.h>

#include "core/mem.h"

/* So many elements are looked at one by one. */
#define LEAF 8

struct elems_index {
	const struct elems *e;
	size_t *order;
	/*
	 * A box for each node: all first values, then all last ones. The
	 * children of node i are 2i + 1 and 2i + 2, and each has half of its
	 * elements.
	 */
	uint8_t *box;
};

static uint8_t *box_of(const struct elems_index *x, size_t node)
{
	return x->box + node * 2 * x->e->width;
}

/* Compare first values, beginning with one field, the others after it. */
static int cmp(const struct elems *e, size_t a, size_t b, unsigned int field)
{
	size_t at = elems_offset(e, field);
	const uint8_t *x = elems_first(e, a), *y = elems_first(e, b);
	int c = memcmp(x + at, y + at, e->width - at);

	return c ? c : memcmp(x, y, at);
}

/* Reorder v so that v[k] is where sorting would put it, and halves v there. */
static void halve(const struct elems *e, size_t *v, size_t n, size_t k,
		  unsigned int field)
{
	size_t lo = 0, hi = n - 1;

	while (lo < hi) {
		size_t pivot = v[lo + (hi - lo) / 2], i = lo, j = hi;

		for (;;) {
			size_t tmp;

			while (cmp(e, v[i], pivot, field) < 0)
				i++;
			while (cmp(e, v[j], pivot, field) > 0)
				j--;
			if (i >= j)
				break;
			tmp = v[i];
			v[i++] = v[j];
			v[j--] = tmp;
		}
		/* v[lo..j] <= pivot <= v[j + 1..hi]; i == j: v[i] is equal. */
		if (k <= j)
			hi = j;
		else
			lo = j + 1;
	}
}

static void widen(const struct elems *e, uint8_t *box, const uint8_t *first,
		  const uint8_t *last)
{
	size_t at = 0;

	for (unsigned int i = 0; i < e->n_fields; i++) {
		size_t w = field_width(e->field[i]);
		uint8_t *lo = box + at, *hi = box + e->width + at;

		if (memcmp(first + at, lo, w) < 0)
			memcpy(lo, first + at, w);
		if (memcmp(last + at, hi, w) > 0)
			memcpy(hi, last + at, w);
		at += w;
	}
}

static void build(struct elems_index *x, size_t node, size_t lo, size_t hi,
		  unsigned int field)
{
	const struct elems *e = x->e;
	size_t mid = lo + (hi - lo) / 2;
	uint8_t *box = box_of(x, node);

	memset(box, 0xff, e->width);
	memset(box + e->width, 0, e->width);
	for (size_t i = lo; i < hi; i++)
		widen(e, box, elems_first(e, x->order[i]),
		      elems_last(e, x->order[i]));
	if (hi - lo <= LEAF)
		return;
	halve(e, x->order + lo, hi - lo, mid - lo, field);
	field = (field + 1) % e->n_fields;
	build(x, 2 * node + 1, lo, mid, field);
	build(x, 2 * node + 2, mid, hi, field);
}

int elems_index_new(const struct elems *e, struct elems_index **ret)
{
	_cleanup_(elems_index_free) struct elems_index *x =
		calloc(1, sizeof(*x));
	size_t nodes = 1, most = e->n;

	if (!x)
		return -ENOMEM;
	for (; most > LEAF; most -= most / 2)
		nodes = 2 * nodes + 1;
	x->e = e;
	x->order = calloc(e->n + 1, sizeof(*x->order));
	x->box = calloc(nodes, 2 * (size_t)e->width + 1);
	if (!x->order || !x->box)
		return -ENOMEM;
	for (size_t i = 0; i < e->n; i++)
		x->order[i] = i;
	if (e->n && e->n_fields)
		build(x, 0, 0, e->n, 0);
	*ret = TAKE_PTR(x);
	return 0;
}

void elems_index_free(struct elems_index **x)
{
	if (!*x)
		return;
	free((*x)->order);
	free((*x)->box);
	free(*x);
	*x = NULL;
}

/* first and last: of a node, whose unknown fields say nothing, or an element */
static bool covers(const struct elems *e, const struct elems_point *p,
		   const uint8_t *first, const uint8_t *last, bool element)
{
	size_t at = 0;

	for (unsigned int i = 0; i < e->n_fields; i++) {
		size_t w = field_width(e->field[i]);

		if (p->at[i] ? memcmp(p->at[i], first + at, w) < 0 ||
			       memcmp(p->at[i], last + at, w) > 0 :
			       element && !p->may(e->field[i], first + at,
						  last + at, p->arg))
			return false;
		at += w;
	}
	return true;
}

static bool search(const struct elems_index *x, const struct elems_point *p,
		   size_t node, size_t lo, size_t hi)
{
	const struct elems *e = x->e;
	const uint8_t *box = box_of(x, node);
	size_t mid = lo + (hi - lo) / 2;

	if (!covers(e, p, box, box + e->width, false))
		return false;
	if (hi - lo > LEAF)
		return search(x, p, 2 * node + 1, lo, mid) ||
		       search(x, p, 2 * node + 2, mid, hi);
	for (size_t i = lo; i < hi; i++)
		if (covers(e, p, elems_first(e, x->order[i]),
			   elems_last(e, x->order[i]), true))
			return true;
	return false;
}

bool elems_index_covers(const struct elems_index *x,
			const struct elems_point *p)
{
	return x->e->n && x->e->n_fields && search(x, p, 0, 0, x->e->n);
}
