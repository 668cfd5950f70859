/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/arena.h: memory for many small things that end together.
 *
 * Owner:  what is allocated lives until arena_release(), which leaves a
 *         reusable empty arena; nothing is freed one by one.
 * Errors: NULL: no memory.
 */
#ifndef CTPOLICY_CORE_ARENA_H
#define CTPOLICY_CORE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *last;
};

/* Room for n items of `size` bytes, all zero. */
void *arena_alloc(struct arena *a, size_t n, size_t size);
void arena_release(struct arena *a);

#endif
