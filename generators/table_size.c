/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "generators/table_size.h"

#define GIB (UINT64_C(1) << 30)
/* Of memory for a byte of the kernel's own hash, and its steps above that. */
#define KERNEL_DIVISOR 16384
#define KERNEL_LEAST 1024
#define KERNEL_OVER_1_GIB 65536
#define KERNEL_OVER_4_GIB 262144
#define CLASSIC_PER_BUCKET 8
#define CLASSIC_BITS 32
#define AUTO_PER_CENT 2
#define PER_CENT 100

uint64_t table_buckets_rounded(uint64_t n)
{
	return (n + TABLE_PAGE_BUCKETS - 1) / TABLE_PAGE_BUCKETS *
	       TABLE_PAGE_BUCKETS;
}

struct table_size table_size_kernel(uint64_t memory)
{
	uint64_t n = memory / KERNEL_DIVISOR / TABLE_BUCKET_BYTES;

	if (memory > 4 * GIB)
		n = KERNEL_OVER_4_GIB;
	else if (memory > GIB)
		n = KERNEL_OVER_1_GIB;
	else if (n < KERNEL_LEAST)
		n = KERNEL_LEAST;
	n = table_buckets_rounded(n);
	return (struct table_size){ n, n };
}

struct table_size table_size_classic(uint64_t memory, unsigned int bits)
{
	uint64_t n = memory / KERNEL_DIVISOR / (bits / CLASSIC_BITS);

	return (struct table_size){ n, n / CLASSIC_PER_BUCKET };
}

struct table_size table_size_within(uint64_t bytes)
{
	uint64_t spare = (TABLE_PAGE_BUCKETS - 1) * TABLE_BUCKET_BYTES;
	uint64_t n = bytes > spare ? (bytes - spare) /
		     (TABLE_ENTRY_BYTES + TABLE_BUCKET_BYTES) : 0;

	return (struct table_size){ n, table_buckets_rounded(n) };
}

struct table_size table_size_auto(uint64_t memory)
{
	struct table_size kernel = table_size_kernel(memory);
	struct table_size s =
		table_size_within(memory / PER_CENT * AUTO_PER_CENT);

	return s.max < kernel.max ? kernel : s;
}

uint64_t table_size_bytes(const struct table_size *s)
{
	return s->max * TABLE_ENTRY_BYTES + s->buckets * TABLE_BUCKET_BYTES;
}
