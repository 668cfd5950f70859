/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN 16384		/* bytes */

struct arena_block {
	struct arena_block *before;
	size_t used, cap;
	alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *add_block(struct arena *a, size_t need)
{
	size_t cap = need > BLOCK_MIN ? need : BLOCK_MIN;
	struct arena_block *b = malloc(sizeof(*b) + cap);

	if (!b)
		return NULL;
	b->before = a->last;
	b->used = 0;
	b->cap = cap;
	a->last = b;
	return b;
}

void *arena_alloc(struct arena *a, size_t n, size_t size)
{
	const size_t align = alignof(max_align_t);
	struct arena_block *b = a->last;
	size_t bytes;
	void *p;

	if (size && n > (SIZE_MAX / 2 - BLOCK_MIN) / size)
		return NULL;
	bytes = (n * size + align - 1) / align * align;
	if (!b || b->cap - b->used < bytes)
		b = add_block(a, bytes);
	if (!b)
		return NULL;
	p = b->bytes + b->used;
	b->used += bytes;
	memset(p, 0, bytes);
	return p;
}

void arena_release(struct arena *a)
{
	while (a->last) {
		struct arena_block *b = a->last;

		a->last = b->before;
		free(b);
	}
}
