/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/digest.h: 64 bits that tell whether something changed by accident.
 *
 * Shape:  begin with DIGEST_START, add piece by piece. The order
 *         matters, where one piece ends does not.
 * Source: FNV-1a, www.isthe.com/chongo/tech/comp/fnv.
 */
#ifndef CTPOLICY_CORE_DIGEST_H
#define CTPOLICY_CORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_START UINT64_C(0xcbf29ce484222325)

static inline uint64_t digest_add(uint64_t h, const void *v, size_t n)
{
	const uint8_t *p = v;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* For tables: 32 bits that depend on all of them. */
static inline uint32_t digest_fold(uint64_t h)
{
	return (uint32_t)(h ^ h >> 32);
}

#endif
