/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/ranking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

_Static_assert(sizeof(struct ranking_row) == 32, "rows fit no cache line");

/* At first; and places a key, so that chains stay short. */
#define SIZE_FIRST (1u << 12)
#define PLACES 2
/* The last step of MurmurHash3's, which lets every bit move every other. */
#define MIX_1 UINT64_C(0xff51afd7ed558ccd)
#define MIX_2 UINT64_C(0xc4ceb9fe1a85ec53)
#define MIX_SHIFT 33

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> MIX_SHIFT) * MIX_1;
	h = (h ^ h >> MIX_SHIFT) * MIX_2;
	return h ^ h >> MIX_SHIFT;
}

static uint64_t hash_of(const struct ranking *r, const struct ranking_key *k)
{
	uint64_t a, b;

	memcpy(&a, k->bytes, sizeof(a));
	memcpy(&b, k->bytes + sizeof(a), sizeof(b));
	return mix(mix(mix(r->seed ^ a) ^ b) ^
		   ((uint64_t)k->family << 8 | k->proto));
}

/* The row of a key, or an empty one (entries is 0) where it may go. */
static struct ranking_row *find(const struct ranking *r,
				const struct ranking_key *key)
{
	size_t at = (size_t)hash_of(r, key) & (r->size - 1);

	while (r->v[at].entries && memcmp(&r->v[at].key, key, sizeof(*key)))
		at = (at + 1) & (r->size - 1);
	return &r->v[at];
}

/* Rows of `from` into a table of `size` places. */
static int rebuild(struct ranking *r, const struct ranking_row *from,
		   size_t n_from, size_t size)
{
	struct ranking_row *v = calloc(size, sizeof(*v));

	if (!v)
		return -ENOMEM;
	r->v = v;
	r->size = size;
	r->n = 0;
	for (size_t i = 0; i < n_from; i++)
		if (from[i].entries) {
			*find(r, &from[i].key) = from[i];
			r->n++;
		}
	return 0;
}

static int grow(struct ranking *r)
{
	struct ranking_row *old = r->v;
	size_t n = r->size;
	int err = rebuild(r, old, n, n * 2);

	if (!err)
		free(old);
	return err;
}

/* A count that at least half of the rows do not exceed. */
static uint32_t low_count(const struct ranking *r)
{
	size_t below[256] = { 0 }, sum = 0;
	uint32_t c = 1;

	for (size_t i = 0; i < r->size; i++)
		below[r->v[i].entries < ARRAY_SIZE(below) ?
			      r->v[i].entries : 0]++;
	for (; c < ARRAY_SIZE(below); c++) {
		sum += below[c];
		if (sum >= r->n / 2)
			return c;
	}
	return c;
}

/* Every row loses as many, those that have no more than that go. */
static int give_up(struct ranking *r)
{
	_cleanup_free_ struct ranking_row *left = NULL;
	struct ranking_row *old = r->v;
	uint32_t c = low_count(r);
	size_t cap = 0, n = 0;
	int err = 0;

	for (size_t i = 0; !err && i < r->size; i++) {
		if (old[i].entries <= c)
			continue;
		err = mem_grow(&left, &cap, n + 1);
		if (!err) {
			left[n] = old[i];
			left[n++].entries -= c;
		}
	}
	if (err)
		return err;
	r->error_max += c;
	memset(old, 0, r->size * sizeof(*old));
	r->n = 0;
	for (size_t i = 0; i < n; i++, r->n++)
		*find(r, &left[i].key) = left[i];
	return 0;
}

int ranking_init(struct ranking *r, uint64_t seed)
{
	*r = (struct ranking){ .seed = seed };
	return rebuild(r, NULL, 0, SIZE_FIRST);
}

static int make_room(struct ranking *r)
{
	if (r->n == RANKING_KEYS)
		return give_up(r);
	return r->n * PLACES == r->size ? grow(r) : 0;
}

int ranking_add(struct ranking *r, const struct ranking_key *key,
		bool assured, bool one_way)
{
	struct ranking_row *row = find(r, key);

	if (!row->entries) {
		int err = make_room(r);

		if (err)
			return err;
		row = find(r, key);
		*row = (struct ranking_row){ .key = *key };
		r->n++;
	}
	row->entries++;
	row->assured += assured;
	row->one_way += one_way;
	r->entries++;
	r->assured += assured;
	r->one_way += one_way;
	return 0;
}

static int falling(const void *a, const void *b)
{
	const struct ranking_row *x = a, *y = b;

	if (x->entries != y->entries)
		return x->entries < y->entries ? 1 : -1;
	return memcmp(&x->key, &y->key, sizeof(x->key));
}

/* What a row has lost counts for neither kind. */
static void settle(struct ranking_row *row)
{
	if (row->assured > row->entries)
		row->assured = row->entries;
	if (row->one_way > row->entries - row->assured)
		row->one_way = row->entries - row->assured;
}

/* A heap with the last of n rows on top: v[i] is behind its children's. */
static void sink(struct ranking_row *v, size_t n, size_t i)
{
	for (size_t k; (k = 2 * i + 1) < n; i = k) {
		struct ranking_row row = v[i];

		if (k + 1 < n && falling(&v[k + 1], &v[k]) > 0)
			k++;
		if (falling(&v[i], &v[k]) > 0)
			return;
		v[i] = v[k];
		v[k] = row;
	}
}

/* The first `max` of n rows, in front and in no order. */
static void select_first(struct ranking_row *v, size_t n, size_t max)
{
	for (size_t i = max / 2; i--;)
		sink(v, max, i);
	for (size_t i = max; i < n; i++)
		if (falling(&v[i], &v[0]) < 0) {
			v[0] = v[i];
			sink(v, max, 0);
		}
}

void ranking_finish(struct ranking *r, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < r->size; i++)
		if (r->v[i].entries)
			r->v[n++] = r->v[i];
	for (size_t i = 0; r->error_max && i < n; i++)
		settle(&r->v[i]);
	if (n > max) {
		select_first(r->v, n, max);
		n = max;
	}
	r->n = n;
	if (n)
		qsort(r->v, n, sizeof(*r->v), falling);
}

void ranking_release(struct ranking *r)
{
	free(r->v);
	*r = (struct ranking){ 0 };
}
