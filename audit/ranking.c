/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/ranking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/mix.h"

_Static_assert(sizeof(struct ranking_row) == 32, "rows fit no cache line");

/* At first; and places a key, so that chains stay short. */
#define SIZE_FIRST (1u << 12)
#define PLACES 2

static uint64_t hash_of(const struct ranking *r, const struct ranking_key *k)
{
	return mix_key(r->seed, k->bytes, (uint64_t)k->family << 8 | k->proto);
}

/* The row of a key, or an empty one (entries is 0) where it may go. */
static struct ranking_row *find(const struct ranking *r, uint64_t hash,
				const struct ranking_key *key)
{
	size_t at = (size_t)hash & (r->size - 1);

	while (r->v[at].entries && memcmp(&r->v[at].key, key, sizeof(*key)))
		at = (at + 1) & (r->size - 1);
	return &r->v[at];
}

static void put(struct ranking *r, const struct ranking_row *row)
{
	*find(r, hash_of(r, &row->key), &row->key) = *row;
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
			put(r, &from[i]);
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
		put(r, &left[i]);
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

static int count(struct ranking *r, const struct ranking_waiting *w)
{
	struct ranking_row *row = find(r, w->hash, &w->key);

	if (!row->entries) {
		int err = make_room(r);

		if (err)
			return err;
		row = find(r, w->hash, &w->key);
		*row = (struct ranking_row){ .key = w->key };
		r->n++;
	}
	row->entries++;
	row->assured += w->assured;
	row->one_way += w->one_way;
	return 0;
}

static int count_waiting(struct ranking *r)
{
	int err = 0;

	for (size_t i = 0; !err && i < r->n_waiting; i++)
		err = count(r, &r->waiting[i]);
	r->n_waiting = 0;
	return err;
}

int ranking_add(struct ranking *r, const struct ranking_key *key,
		bool assured, bool one_way)
{
	uint64_t hash = hash_of(r, key);

	__builtin_prefetch(&r->v[(size_t)hash & (r->size - 1)], 1);
	r->waiting[r->n_waiting++] = (struct ranking_waiting){
		*key, assured, one_way, hash,
	};
	r->entries++;
	r->assured += assured;
	r->one_way += one_way;
	return r->n_waiting == RANKING_WAITING ? count_waiting(r) : 0;
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

int ranking_finish(struct ranking *r, size_t max)
{
	int err = count_waiting(r);
	size_t n = 0;

	if (err)
		return err;
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
	return 0;
}

void ranking_release(struct ranking *r)
{
	free(r->v);
	*r = (struct ranking){ 0 };
}
