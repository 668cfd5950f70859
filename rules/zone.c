/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/inet.h"

#include <linux/netfilter.h>

struct zone zone_all(uint8_t family)
{
	return (struct zone){ .family = family };
}

size_t zone_bytes(uint8_t family, enum zone_dim dim)
{
	static const uint8_t bytes[] = {
		[ZONE_PROTO] = 1, [ZONE_SPORT] = 2, [ZONE_DPORT] = 2,
		[ZONE_IIF] = 16, [ZONE_OIF] = 16, [ZONE_ICMP] = 1,
	};

	if (dim == ZONE_SRC || dim == ZONE_DST)
		return addr_bytes(family);
	return bytes[dim];
}

bool zone_is_empty(const struct zone *z)
{
	for (size_t i = 0; i < ZONE_MAX_; i++)
		if (z->dim[i].limited && !z->dim[i].n)
			return true;
	return false;
}

bool zone_is_all(const struct zone *z)
{
	for (size_t i = 0; i < ZONE_MAX_; i++)
		if (z->dim[i].limited)
			return false;
	return true;
}

static int by_first(const void *pa, const void *pb)
{
	const struct key_range *a = pa, *b = pb;

	return memcmp(a->first, b->first, TERM_KEY_MAX);
}

/* Sorted ones that touch become one; how many are left. */
static size_t join_touching(struct key_range *v, size_t n, size_t bytes)
{
	size_t kept = 0;

	for (size_t i = 1; i < n; i++) {
		uint8_t next[TERM_KEY_MAX] = { 0 };
		bool ends = !key_next(v[kept].last, bytes, next);

		if (!ends && memcmp(v[i].first, next, TERM_KEY_MAX) > 0)
			v[++kept] = v[i];
		else if (memcmp(v[i].last, v[kept].last, TERM_KEY_MAX) > 0)
			memcpy(v[kept].last, v[i].last, TERM_KEY_MAX);
	}
	return n ? kept + 1 : 0;
}

static bool is_everything(const struct key_range *v, size_t n, size_t bytes)
{
	uint8_t key[TERM_KEY_MAX];

	return n == 1 && !key_previous(v->first, bytes, key) &&
	       !key_next(v->last, bytes, key);
}

int spans_of(struct arena *a, size_t bytes, const struct key_range *v,
	     size_t n, bool negated, struct spans *ret)
{
	struct key_range *copy = arena_alloc(a, n, sizeof(*copy));
	struct spans s = { .limited = true };

	if (!copy)
		return -ENOMEM;
	if (n) {
		memcpy(copy, v, n * sizeof(*copy));
		qsort(copy, n, sizeof(*copy), by_first);
	}
	s.v = copy;
	s.n = join_touching(copy, n, bytes);
	if (is_everything(copy, s.n, bytes))
		s = (struct spans){ 0 };
	if (negated)
		return spans_invert(a, bytes, &s, ret);
	*ret = s;
	return 0;
}

int spans_invert(struct arena *a, size_t bytes, const struct spans *s,
		 struct spans *ret)
{
	struct key_range *v, gap = { 0 };
	size_t n = 0;
	bool open = true;

	if (!s->limited || !s->n) {
		*ret = (struct spans){ .limited = !s->limited };
		return 0;
	}
	v = arena_alloc(a, s->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		if (memcmp(s->v[i].first, gap.first, TERM_KEY_MAX) > 0) {
			key_previous(s->v[i].first, bytes, gap.last);
			v[n++] = gap;
		}
		open = key_next(s->v[i].last, bytes, gap.first);
	}
	if (open) {
		memset(gap.last, 0, sizeof(gap.last));
		memset(gap.last, 0xff, bytes);
		v[n++] = gap;
	}
	*ret = (struct spans){ .v = v, .n = n, .limited = true };
	return 0;
}

static const uint8_t *later(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, TERM_KEY_MAX) > 0 ? a : b;
}

static const uint8_t *earlier(const uint8_t *a, const uint8_t *b)
{
	return memcmp(a, b, TERM_KEY_MAX) < 0 ? a : b;
}

static int spans_intersect(struct arena *a, const struct spans *x,
			   const struct spans *y, struct spans *ret)
{
	struct key_range *v;
	size_t n = 0, i = 0, j = 0;

	if (!x->limited || !y->limited) {
		*ret = x->limited ? *x : *y;
		return 0;
	}
	v = arena_alloc(a, x->n + y->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	while (i < x->n && j < y->n) {
		struct key_range r;

		memcpy(r.first, later(x->v[i].first, y->v[j].first),
		       sizeof(r.first));
		memcpy(r.last, earlier(x->v[i].last, y->v[j].last),
		       sizeof(r.last));
		if (memcmp(r.first, r.last, sizeof(r.first)) <= 0)
			v[n++] = r;
		if (memcmp(x->v[i].last, y->v[j].last, TERM_KEY_MAX) < 0)
			i++;
		else
			j++;
	}
	*ret = (struct spans){ .v = v, .n = n, .limited = true };
	return 0;
}

bool name_is_pattern(const struct key_range *r)
{
	size_t n = 0;

	while (n < TERM_KEY_MAX && r->first[n] == r->last[n])
		n++;
	for (size_t i = n; i < TERM_KEY_MAX; i++)
		if (r->first[i] || r->last[i] != 0xff)
			return false;
	return true;
}

bool name_is_lo(const struct key_range *r)
{
	static const struct key_range lo = { "lo", "lo" };

	return !memcmp(r, &lo, sizeof(lo));
}

bool spans_meet(const struct spans *a, const struct spans *b)
{
	size_t i = 0, j = 0;

	if (!a->limited || !b->limited)
		return !(a->limited && !a->n) && !(b->limited && !b->n);
	while (i < a->n && j < b->n) {
		if (memcmp(a->v[i].last, b->v[j].first, TERM_KEY_MAX) < 0)
			i++;
		else if (memcmp(b->v[j].last, a->v[i].first,
				TERM_KEY_MAX) < 0)
			j++;
		else
			return true;
	}
	return false;
}

bool spans_within(const struct spans *a, const struct spans *b)
{
	size_t j = 0;

	if (!b->limited)
		return true;
	if (!a->limited)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		while (j < b->n && memcmp(b->v[j].last, a->v[i].last,
					  TERM_KEY_MAX) < 0)
			j++;
		if (j == b->n || memcmp(b->v[j].first, a->v[i].first,
					TERM_KEY_MAX) > 0)
			return false;
	}
	return true;
}

static void put_number(uint32_t v, size_t bytes, uint8_t *ret)
{
	for (size_t i = bytes; i; i--, v >>= 8)
		ret[i - 1] = (uint8_t)v;
}

int zone_limit(struct arena *a, const struct zone *z, enum zone_dim dim,
	       const uint32_t (*v)[2], size_t n, bool negated,
	       struct zone *ret)
{
	size_t bytes = zone_bytes(z->family, dim);
	struct key_range *r = arena_alloc(a, n, sizeof(*r));
	struct zone out = *z;
	struct spans s = { 0 };
	int err;

	if (!r)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		put_number(v[i][0], bytes, r[i].first);
		put_number(v[i][1], bytes, r[i].last);
	}
	err = spans_of(a, bytes, r, n, negated, &s);
	if (!err)
		err = spans_intersect(a, &z->dim[dim], &s, &out.dim[dim]);
	if (!err)
		*ret = out;
	return err;
}

int zone_intersect(struct arena *a, const struct zone *x,
		   const struct zone *y, struct zone *ret)
{
	struct zone out = { .family = x->family };
	int err = 0;

	for (size_t i = 0; !err && i < ZONE_MAX_; i++)
		err = spans_intersect(a, &x->dim[i], &y->dim[i], &out.dim[i]);
	if (!err)
		*ret = out;
	return err;
}

bool zone_meets(const struct zone *x, const struct zone *y)
{
	for (size_t i = 0; i < ZONE_MAX_; i++)
		if (!spans_meet(&x->dim[i], &y->dim[i]))
			return false;
	return true;
}

bool zone_within(const struct zone *x, const struct zone *y)
{
	if (zone_is_empty(x))
		return true;
	for (size_t i = 0; i < ZONE_MAX_; i++)
		if (!spans_within(&x->dim[i], &y->dim[i]))
			return false;
	return true;
}

/* Dimension by dimension: what lies outside y there, and inside in the rest. */
int zone_subtract(struct arena *a, const struct zone *x, const struct zone *y,
		  struct zones *ret)
{
	struct zones l = { .v = arena_alloc(a, ZONE_MAX_, sizeof(*l.v)) };
	struct zone rest = *x;
	int err = 0;

	if (!l.v)
		return -ENOMEM;
	if (!zone_meets(x, y)) {
		l.v[l.n++] = *x;
		*ret = l;
		return 0;
	}
	for (size_t i = 0; !err && i < ZONE_MAX_; i++) {
		struct zone part = rest;
		struct spans out = { 0 };

		if (spans_within(&rest.dim[i], &y->dim[i]))
			continue;
		err = spans_invert(a, zone_bytes(x->family, (enum zone_dim)i),
				   &y->dim[i], &out);
		if (!err)
			err = spans_intersect(a, &rest.dim[i], &out,
					      &part.dim[i]);
		if (!err)
			err = spans_intersect(a, &rest.dim[i], &y->dim[i],
					      &rest.dim[i]);
		l.v[l.n++] = part;
	}
	if (!err)
		*ret = l;
	return err;
}

struct zone zone_mirror(const struct zone *z)
{
	static const enum zone_dim other[] = {
		[ZONE_PROTO] = ZONE_PROTO, [ZONE_SRC] = ZONE_DST,
		[ZONE_DST] = ZONE_SRC, [ZONE_SPORT] = ZONE_DPORT,
		[ZONE_DPORT] = ZONE_SPORT, [ZONE_IIF] = ZONE_OIF,
		[ZONE_OIF] = ZONE_IIF, [ZONE_ICMP] = ZONE_ICMP,
	};
	struct zone out = { .family = z->family };

	for (size_t i = 0; i < ZONE_MAX_; i++)
		out.dim[other[i]] = z->dim[i];
	out.dim[ZONE_ICMP] = (struct spans){ 0 };
	return out;
}

/* The only dimension in which they differ; ZONE_MAX_: in several. */
static enum zone_dim differs(const struct zone *x, const struct zone *y)
{
	enum zone_dim found = ZONE_MAX_;

	for (size_t i = 0; i < ZONE_MAX_; i++) {
		if (spans_within(&x->dim[i], &y->dim[i]) &&
		    spans_within(&y->dim[i], &x->dim[i]))
			continue;
		if (found != ZONE_MAX_)
			return ZONE_MAX_;
		found = (enum zone_dim)i;
	}
	return found;
}

/* To x, which differs from y in this dimension alone, what y has. */
static int unite(struct arena *a, struct zone *x, const struct zone *y,
		 enum zone_dim dim)
{
	const struct spans *s = &x->dim[dim], *t = &y->dim[dim];
	struct key_range *v = arena_alloc(a, s->n + t->n, sizeof(*v));

	if (!v)
		return -ENOMEM;
	memcpy(v, s->v, s->n * sizeof(*v));
	memcpy(v + s->n, t->v, t->n * sizeof(*v));
	return spans_of(a, zone_bytes(x->family, dim), v, s->n + t->n, false,
			&x->dim[dim]);
}

/* Does y become part of x? */
static int take_in(struct arena *a, struct zone *x, const struct zone *y,
		   bool *ret)
{
	enum zone_dim dim;

	*ret = true;
	if (zone_within(y, x))
		return 0;
	if (zone_within(x, y)) {
		*x = *y;
		return 0;
	}
	dim = differs(x, y);
	*ret = dim != ZONE_MAX_ && x->dim[dim].limited && y->dim[dim].limited;
	return *ret ? unite(a, x, y, dim) : 0;
}

/* Into the zone at `at` goes what it can take of those behind it. */
static int join_behind(struct arena *a, struct zones *l, size_t at,
		       bool *changed)
{
	size_t n = at + 1;
	int err = 0;

	for (size_t i = at + 1; i < l->n; i++) {
		bool taken = false;

		if (!err)
			err = take_in(a, &l->v[at], &l->v[i], &taken);
		if (taken)
			*changed = true;
		else
			l->v[n++] = l->v[i];
	}
	l->n = n;
	return err;
}

int zones_join(struct arena *a, struct zones *l)
{
	bool changed = true;
	int err = 0;

	while (changed && !err) {
		changed = false;
		for (size_t i = 0; !err && i < l->n; i++)
			err = join_behind(a, l, i, &changed);
	}
	return err;
}

int zone_copy(struct arena *a, struct zone *z)
{
	for (size_t i = 0; i < ZONE_MAX_; i++) {
		struct spans *s = &z->dim[i];
		struct key_range *v;

		if (!s->n)
			continue;
		v = arena_alloc(a, s->n, sizeof(*v));
		if (!v)
			return -ENOMEM;
		memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
	}
	return 0;
}
