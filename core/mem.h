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

/*
 * v, enlarged to hold `need` items of `size` bytes; NULL, with v still valid,
 * when there is no memory. For what mem_grow() cannot know the size of.
 */
static inline void *mem_enlarge(void *v, size_t *cap, size_t need, size_t size)
{
	size_t ncap = *cap ? *cap : 8;
	void *p;

	while (ncap < need) {
		if (ncap > SIZE_MAX / 2 / size)
			return NULL;
		ncap *= 2;
	}
	p = realloc(v, ncap * size);
	if (p)
		*cap = ncap;
	return p;
}

/*
 * int mem_grow(T **v, size_t *cap, size_t need): make room for `need` items
 * in *v, whose capacity is *cap.
 */
#define mem_grow(v, cap, need)                                                \
	({                                                                    \
		__typeof__(v) grow_v_ = (v);                                  \
		size_t *grow_cap_ = (cap), grow_need_ = (need);               \
		int grow_r_ = 0;                                              \
									      \
		if (grow_need_ > *grow_cap_) {                                \
			__typeof__(*grow_v_) grow_new_ =                      \
				mem_enlarge(*grow_v_, grow_cap_, grow_need_,  \
					    sizeof(**grow_v_));               \
									      \
			if (grow_new_)                                        \
				*grow_v_ = grow_new_;                         \
			else                                                  \
				grow_r_ = -ENOMEM;                            \
		}                                                             \
		grow_r_;                                                      \
	})

#endif
