/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/mix.h: numbers that look random, for tables of hashes.
 *
 * Source: the last step of MurmurHash3, which lets every bit move every other.
 */
#ifndef CTPOLICY_CORE_MIX_H
#define CTPOLICY_CORE_MIX_H

#include <stdint.h>
#include <string.h>

#define MIX_1 UINT64_C(0xff51afd7ed558ccd)
#define MIX_2 UINT64_C(0xc4ceb9fe1a85ec53)
#define MIX_SHIFT 33

static inline uint64_t mix64(uint64_t h)
{
	h = (h ^ h >> MIX_SHIFT) * MIX_1;
	h = (h ^ h >> MIX_SHIFT) * MIX_2;
	return h ^ h >> MIX_SHIFT;
}

/* Of 16 bytes and what else there is; seed: of nobody's choice. */
static inline uint64_t mix_key(uint64_t seed, const uint8_t bytes[16],
			       uint64_t more)
{
	uint64_t a, b;

	memcpy(&a, bytes, sizeof(a));
	memcpy(&b, bytes + sizeof(a), sizeof(b));
	return mix64(mix64(mix64(seed ^ a) ^ b) ^ more);
}

#endif
