/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/table_size.h: how large the connection table should be.
 *
 * Units:  memory in bytes; max in entries. Buckets come in whole pages, as the
 *         kernel rounds them: TABLE_PAGE_BUCKETS each.
 * Source: nf_conntrack_init_start() and nf_ct_alloc_hashtable() in
 *         net/netfilter/nf_conntrack_core.c; the slab of struct nf_conn and its
 *         extensions, measured: an entry takes 256 bytes and 128 more, which
 *         older kernels spare where nobody listens and nothing is counted.
 */
#ifndef CTPOLICY_GENERATORS_TABLE_SIZE_H
#define CTPOLICY_GENERATORS_TABLE_SIZE_H

#include <stdint.h>

#define TABLE_ENTRY_BYTES 384
#define TABLE_BUCKET_BYTES 8
#define TABLE_PAGE_BUCKETS 512

struct table_size {
	uint64_t max, buckets;
};

/* What the kernel makes of so much memory when it is left alone. */
struct table_size table_size_kernel(uint64_t memory);
/*
 * The rule of thumb that most pages on the net have: a 16384th of the memory,
 * on 64 bits half of it, and eight entries a bucket.
 */
struct table_size table_size_classic(uint64_t memory, unsigned int bits);
/* `auto`: 2 % of the memory, and never less than the kernel's own. */
struct table_size table_size_auto(uint64_t memory);
/* The largest table that takes no more than this. */
struct table_size table_size_within(uint64_t bytes);
/* What a full table takes. */
uint64_t table_size_bytes(const struct table_size *s);
uint64_t table_buckets_rounded(uint64_t n);

#endif
