/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/distinct.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

#define SIZE_FIRST (1u << 10)
/* A table is full when three of four places are taken. */
#define FULL(size) ((size) / 4 * 3)
/* The lowest bits say what is kept: places go by others. */
#define PLACE_SHIFT 32
#define ZEROS_MAX 30

static uint64_t *place_of(const struct distinct *d, uint64_t hash)
{
	size_t at = (size_t)(hash >> PLACE_SHIFT) & (d->size - 1);

	while (d->v[at] && d->v[at] != hash)
		at = (at + 1) & (d->size - 1);
	return &d->v[at];
}

static bool is_kept(const struct distinct *d, uint64_t hash)
{
	return !(hash & ((UINT64_C(1) << d->zeros) - 1));
}

static int grow(struct distinct *d)
{
	struct distinct wider = { .size = d->size * 2, .n = d->n };

	wider.v = calloc(wider.size, sizeof(*wider.v));
	if (!wider.v)
		return -ENOMEM;
	for (size_t i = 0; i < d->size; i++)
		if (d->v[i])
			*place_of(&wider, d->v[i]) = d->v[i];
	free(d->v);
	*d = wider;
	return 0;
}

/* About half of them go. */
static int thin_out(struct distinct *d)
{
	_cleanup_free_ uint64_t *left = calloc(d->n, sizeof(*left));
	size_t n = 0;

	if (!left)
		return -ENOMEM;
	d->zeros++;
	for (size_t i = 0; i < d->size; i++)
		if (d->v[i] && is_kept(d, d->v[i]))
			left[n++] = d->v[i];
	memset(d->v, 0, d->size * sizeof(*d->v));
	for (size_t i = 0; i < n; i++)
		*place_of(d, left[i]) = left[i];
	d->n = n;
	return 0;
}

int distinct_init(struct distinct *d)
{
	*d = (struct distinct){ .size = SIZE_FIRST };
	d->v = calloc(d->size, sizeof(*d->v));
	return d->v ? 0 : -ENOMEM;
}

static int make_room(struct distinct *d)
{
	if (d->n < FULL(d->size))
		return 0;
	return d->n < DISTINCT_KEPT || d->zeros == ZEROS_MAX ? grow(d) :
							       thin_out(d);
}

int distinct_add(struct distinct *d, uint64_t hash, uint32_t *ret)
{
	uint64_t *place;
	int err;

	*ret = 0;
	hash += !hash;
	if (!is_kept(d, hash))
		return 0;
	place = place_of(d, hash);
	if (*place)
		return 0;
	/* Before it is counted: for what it stands is what is kept now. */
	err = make_room(d);
	if (err || !is_kept(d, hash))
		return err;
	*place_of(d, hash) = hash;
	d->n++;
	*ret = 1u << d->zeros;
	return 0;
}

void distinct_release(struct distinct *d)
{
	free(d->v);
	*d = (struct distinct){ 0 };
}
