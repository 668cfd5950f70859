/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/mem.h: scope-bound memory.
 *
 * Owner:  a variable marked `_cleanup_(f)` is released by f(&var) when it
 *         leaves scope; TAKE_PTR() hands the value over and disarms it.
 * Errors: mem_grow() returns -ENOMEM on overflow or exhaustion and
 *         leaves the array as it was; the caller passes the error up.
 */
#ifndef CTPOLICY_CORE_MEM_H
#define CTPOLICY_CORE_MEM_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(mem_freep)

#define TAKE_PTR(p)                                                           \
	({                                                                    \
		__typeof__(p) take_tmp_ = (p);                                \
		(p) = NULL;                                                   \
		take_tmp_;                                                    \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* For `_cleanup_free_`: p points to the pointer to free. */
static inline void mem_freep(void *p)
{
	free(*(void **)p);
}

/* Free what is owned through a pointer to const. */
static inline void mem_free_const(const void *p)
{
	free((void *)(uintptr_t)p);
}

/* Make room for `need` items of `size` bytes in *v, whose capacity is *cap. */
static inline int mem_grow(void *v, size_t *cap, size_t need, size_t size)
{
	size_t ncap = *cap ? *cap : 8;
	void *p;

	if (need <= *cap)
		return 0;
	while (ncap < need) {
		if (ncap > SIZE_MAX / 2 / size)
			return -ENOMEM;
		ncap *= 2;
	}
	p = realloc(*(void **)v, ncap * size);
	if (!p)
		return -ENOMEM;
	*(void **)v = p;
	*cap = ncap;
	return 0;
}

#endif
