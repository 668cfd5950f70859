/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/distinct.h: how many different things were seen, in bounded memory.
 *
 * Up to DISTINCT_KEPT of them all are known, and counts are exact. Beyond that
 * only those are kept whose hash ends in so many zeros, and each of these
 * stands for two, four, ... (Ph. Flajolet, "On adaptive sampling", 1990).
 *
 * Shape:  distinct_add() says how many things a hash stands for: 0, it was
 *         seen or is not kept. The caller adds that up, for as many groups of
 *         things as it likes.
 * Owner:  distinct_release().
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_DISTINCT_H
#define CTPOLICY_AUDIT_DISTINCT_H

#include <stddef.h>
#include <stdint.h>

#define DISTINCT_KEPT (3u << 18)

struct distinct {
	uint64_t *v;		/* a hash table; 0: an empty place */
	size_t n, size;
	unsigned int zeros;	/* 0: exact */
};

int distinct_init(struct distinct *d);
/* hash: as good as random (core/mix.h). */
int distinct_add(struct distinct *d, uint64_t hash, uint32_t *ret);
void distinct_release(struct distinct *d);

#endif
