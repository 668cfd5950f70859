/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/ranking.h: which keys most entries of a table have, of a listing that
 * is read once, in bounded memory.
 *
 * Up to RANKING_KEYS different keys all are counted exactly. With more of them
 * the rare ones are given up again and again: what is left may lack up to
 * error_max entries a key, and no key that has more than that is missing
 * (J. Misra, D. Gries, "Finding repeated elements", 1982, in batches).
 *
 * Shape:  ranking_add() each entry, ranking_finish() once; then v[0..n) are
 *         the `max` that have most, or all, in falling order, of equal ones by
 *         key.
 * Owner:  ranking_release().
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_RANKING_H
#define CTPOLICY_AUDIT_RANKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANKING_KEYS (1u << 19)

/* What is equal is the same: all bytes count. */
struct ranking_key {
	uint8_t family, proto;
	uint8_t bytes[16];
};

struct ranking_row {
	struct ranking_key key;
	uint32_t entries, assured, one_way;
};

#define RANKING_WAITING 16

/* Entries that wait until their rows have come into the processor's cache. */
struct ranking_waiting {
	struct ranking_key key;
	bool assured, one_way;
	uint64_t hash;
};

struct ranking {
	struct ranking_row *v;		/* while it is filled, a hash table */
	struct ranking_waiting waiting[RANKING_WAITING];
	size_t n_waiting;
	size_t n, size;
	uint64_t seed, entries, assured, one_way;
	uint32_t error_max;
};

/* seed: of nobody's choice, so that nobody can fill one place of the hash. */
int ranking_init(struct ranking *r, uint64_t seed);
int ranking_add(struct ranking *r, const struct ranking_key *key,
		bool assured, bool one_way);
int ranking_finish(struct ranking *r, size_t max);
void ranking_release(struct ranking *r);

#endif
