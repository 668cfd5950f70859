/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/elems_split.c: overlapping boxes made disjoint.
 *
 * Field by field: the borders of all boxes cut the field into segments, and
 * what covers a segment is solved for the fields behind it. Neighbouring
 * segments with the same answer are joined again where one given box spans
 * both, so that nothing is cut without need and nothing is joined that the
 * user wrote apart.
 */
#include <string.h>

#include "core/mem.h"
#include "rules/elems.h"
#include "rules/ruleset.h"

struct split {
	const struct elems *in;
	struct elems out;
	uint8_t first[64], last[64];	/* of the box being made */
};

_Static_assert(ELEMS_MAX_FIELDS * 16 <= 64, "split buffers are too small");

struct order {
	const struct elems *e;
	size_t at, width;
};

static int cmp_at(const void *a, const void *b, void *arg)
{
	const struct order *o = arg;
	const size_t *x = a, *y = b;
	int c = memcmp(elems_first(o->e, *x) + o->at,
		       elems_first(o->e, *y) + o->at, o->width);

	return c ? c : (*x > *y) - (*x < *y);
}

static int cmp_value(const void *a, const void *b, void *arg)
{
	return memcmp(a, b, *(const size_t *)arg);
}

/* The values at which some box begins, or has just ended; sorted, unique. */
static int borders(const struct elems *e, const size_t *idx, size_t n,
		   const struct order *o, uint8_t **ret, size_t *ret_n)
{
	uint8_t *v = malloc(2 * n * o->width);
	size_t width = o->width, k = 0, m = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		memcpy(v + k++ * width, elems_first(e, idx[i]) + o->at, width);
		k += key_next(elems_last(e, idx[i]) + o->at, width,
			      v + k * width);
	}
	qsort_r(v, k, width, cmp_value, &width);
	for (size_t i = 0; i < k; i++)
		if (!m || memcmp(v + (m - 1) * width, v + i * width, width))
			memmove(v + m++ * width, v + i * width, width);
	*ret = v;
	*ret_n = m;
	return 0;
}

static bool outranks(const struct elems *e, size_t a, size_t b)
{
	int c = elems_cmp_origin(elems_origin(e, a), elems_origin(e, b));

	return c ? c < 0 : a < b;
}

/*
 * Boxes that cover a value of the last field: a heap, the one that counts on
 * top. One that has ended is taken out when it comes to the top.
 */
struct cover {
	const struct elems *e;
	size_t *v, n;
};

static void cover_push(struct cover *c, size_t box)
{
	size_t i = c->n++, up;

	for (; i && outranks(c->e, box, c->v[up = (i - 1) / 2]); i = up)
		c->v[i] = c->v[up];
	c->v[i] = box;
}

static void cover_pop(struct cover *c)
{
	size_t box = c->v[--c->n], i = 0, down;

	while ((down = 2 * i + 1) < c->n) {
		if (down + 1 < c->n &&
		    outranks(c->e, c->v[down + 1], c->v[down]))
			down++;
		if (!outranks(c->e, c->v[down], box))
			break;
		c->v[i] = c->v[down];
		i = down;
	}
	c->v[i] = box;
}

/* Is out[a..a+n) the same as out[b..b+n) behind the field at `at`? */
static bool same_answer(const struct elems *e, size_t a, size_t b, size_t n,
			size_t at)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(elems_first(e, a + i) + at,
			   elems_first(e, b + i) + at, e->width - at) ||
		    memcmp(elems_last(e, a + i) + at,
			   elems_last(e, b + i) + at, e->width - at) ||
		    elems_origin(e, a + i) != elems_origin(e, b + i))
			return false;
	return true;
}

static int solve(struct split *s, const size_t *idx, size_t n,
		 unsigned int field);

/*
 * Join the answer that begins at `cur` to the one before it, if one given box
 * spans both. Every active box reaches the end of the segment, and `oldest`
 * is the one that begins first.
 */
static bool join(struct split *s, size_t prev, size_t cur, size_t oldest,
		 const struct order *o)
{
	struct elems *out = &s->out;
	size_t n = cur - prev;

	if (out->n - cur != n || !n ||
	    !same_answer(out, prev, cur, n, o->at + o->width) ||
	    memcmp(elems_first(s->in, oldest) + o->at,
		   elems_first(out, prev) + o->at, o->width) > 0)
		return false;
	for (size_t i = prev; i < cur; i++)
		memcpy(out->key + (2 * i + 1) * out->width + o->at,
		       s->last + o->at, o->width);
	out->n = cur;
	return true;
}

/* From a border to the next one, or to the last value of all. */
static void set_segment(struct split *s, const uint8_t *from, bool has_next,
			const struct order *o)
{
	memcpy(s->first + o->at, from, o->width);
	if (has_next)
		key_previous(from + o->width, o->width, s->last + o->at);
	else
		memset(s->last + o->at, 0xff, o->width);
}

static bool ended(const struct elems *e, size_t box, const uint8_t *from,
		  const struct order *o)
{
	return memcmp(elems_last(e, box) + o->at, from, o->width) < 0;
}

/* The last field: nothing is left to solve, only to say who counts. */
static int solve_last(struct split *s, const size_t *idx, size_t n,
		      const struct order *o)
{
	_cleanup_free_ size_t *heap = malloc(n * sizeof(*heap));
	_cleanup_free_ uint8_t *v = NULL;
	struct cover c = { s->in, heap, 0 };
	size_t next = 0, oldest = 0, n_v, prev = SIZE_MAX;
	int err = heap ? borders(s->in, idx, n, o, &v, &n_v) : -ENOMEM;

	for (size_t k = 0; !err && k < n_v; k++) {
		const uint8_t *from = v + k * o->width;
		size_t cur = s->out.n;

		while (next < n && !memcmp(elems_first(s->in, idx[next]) +
					   o->at, from, o->width))
			cover_push(&c, idx[next++]);
		while (c.n && ended(s->in, c.v[0], from, o))
			cover_pop(&c);
		if (!c.n) {
			prev = SIZE_MAX;
			continue;
		}
		while (ended(s->in, idx[oldest], from, o))
			oldest++;
		set_segment(s, from, k + 1 < n_v, o);
		err = elems_add(&s->out, s->first, s->last,
				elems_origin(s->in, c.v[0]));
		if (!err && (prev == SIZE_MAX ||
			     !join(s, prev, cur, idx[oldest], o)))
			prev = cur;
	}
	return err;
}

static int solve_segments(struct split *s, size_t *idx, size_t n,
			  unsigned int field, const struct order *o)
{
	_cleanup_free_ size_t *active = malloc(n * sizeof(*active));
	_cleanup_free_ uint8_t *v = NULL;
	size_t n_active = 0, next = 0, n_v, prev = SIZE_MAX;
	int err = active ? borders(s->in, idx, n, o, &v, &n_v) : -ENOMEM;

	for (size_t k = 0; !err && k < n_v; k++) {
		const uint8_t *from = v + k * o->width;
		size_t kept = 0, cur = s->out.n;

		for (size_t i = 0; i < n_active; i++)
			if (!ended(s->in, active[i], from, o))
				active[kept++] = active[i];
		n_active = kept;
		while (next < n && !memcmp(elems_first(s->in, idx[next]) +
					   o->at, from, o->width))
			active[n_active++] = idx[next++];
		if (!n_active) {
			prev = SIZE_MAX;
			continue;
		}
		set_segment(s, from, k + 1 < n_v, o);
		err = solve(s, active, n_active, field + 1);
		if (!err && (prev == SIZE_MAX ||
			     !join(s, prev, cur, active[0], o)))
			prev = cur;
	}
	return err;
}

static int solve(struct split *s, const size_t *idx, size_t n,
		 unsigned int field)
{
	const struct elems *e = s->in;
	struct order o = { e, elems_offset(e, field), 0 };
	_cleanup_free_ size_t *own = NULL;

	if (n == 1) {
		memcpy(s->first + o.at, elems_first(e, idx[0]) + o.at,
		       e->width - o.at);
		memcpy(s->last + o.at, elems_last(e, idx[0]) + o.at,
		       e->width - o.at);
		return elems_add(&s->out, s->first, s->last,
				 elems_origin(e, idx[0]));
	}
	o.width = field_width(e->field[field]);
	own = malloc(n * sizeof(*own));
	if (!own)
		return -ENOMEM;
	memcpy(own, idx, n * sizeof(*own));
	qsort_r(own, n, sizeof(*own), cmp_at, &o);
	return field + 1u == e->n_fields ? solve_last(s, own, n, &o) :
					   solve_segments(s, own, n, field, &o);
}

/* A box comes before all that lie inside it. */
static int cmp_outer_first(const void *a, const void *b, void *arg)
{
	const struct elems *e = arg;
	const size_t *x = a, *y = b;
	int c = memcmp(elems_first(e, *x), elems_first(e, *y), e->width);

	if (!c)
		c = memcmp(elems_last(e, *y), elems_last(e, *x), e->width);
	return c ? c : (*x > *y) - (*x < *y);
}

static bool contains(const struct elems *e, size_t a, size_t b)
{
	for (unsigned int f = 0; f < e->n_fields; f++) {
		size_t at = elems_offset(e, f), n = field_width(e->field[f]);

		if (memcmp(elems_first(e, a) + at, elems_first(e, b) + at,
			   n) > 0 ||
		    memcmp(elems_last(e, a) + at, elems_last(e, b) + at,
			   n) < 0)
			return false;
	}
	return true;
}

/* Enough for the boxes around a point, few enough to stay linear. */
#define OUTER_MAX 64

/* The outer boxes that were of use last, the latest first. */
struct outer {
	size_t box[OUTER_MAX], n;
};

static void outer_to_front(struct outer *o, size_t i, size_t box)
{
	memmove(o->box + 1, o->box, i * sizeof(*o->box));
	o->box[0] = box;
}

static bool is_swallowed(const struct elems *e, struct outer *o, size_t box)
{
	for (size_t i = 0; i < o->n; i++) {
		if (!contains(e, o->box[i], box) ||
		    elems_cmp_origin(elems_origin(e, o->box[i]),
				     elems_origin(e, box)) > 0)
			continue;
		outer_to_front(o, i, o->box[i]);
		return true;
	}
	o->n += o->n < OUTER_MAX;
	outer_to_front(o, o->n - 1, box);
	return false;
}

/*
 * Leave out boxes that lie inside another one whose origin sorts no later:
 * the outer box spans every cut that they would make, so the result is the
 * same without them. A box that is missed here costs time only.
 */
static size_t drop_swallowed(const struct elems *e, size_t *idx)
{
	struct outer outer = { .n = 0 };
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		idx[i] = i;
	qsort_r(idx, e->n, sizeof(*idx), cmp_outer_first,
		(void *)(uintptr_t)e);
	for (size_t i = 0; i < e->n; i++)
		if (!is_swallowed(e, &outer, idx[i]))
			idx[n++] = idx[i];
	return n;
}

int elems_split(struct elems *e)
{
	_cleanup_free_ size_t *idx = malloc((e->n ? e->n : 1) * sizeof(*idx));
	struct split s = { .in = e };
	int err = -ENOMEM;

	elems_init(&s.out, e->field, e->n_fields);
	if (idx)
		err = elems_keep_lasts(&s.out);
	if (!err) {
		size_t n = drop_swallowed(e, idx);

		err = n ? solve(&s, idx, n, 0) : 0;
	}
	if (!err)
		err = elems_sort(&s.out);
	if (err) {
		elems_release(&s.out);
		return err;
	}
	elems_release(e);
	*e = s.out;
	return 0;
}
