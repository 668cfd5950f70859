/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/heads.h"

#include "core/mem.h"

/* By one byte of the heads: those with the same keep their order. */
static void scatter(const struct head *from, struct head *to, size_t n,
		    unsigned int shift, const size_t *count)
{
	size_t at[256], next = 0;

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		at[i] = next;
		next += count[i];
	}
	for (size_t i = 0; i < n; i++)
		to[at[from[i].head >> shift & 0xff]++] = from[i];
}

/* Byte by byte from the last. */
int heads_sort(struct head **v, size_t n)
{
	_cleanup_free_ struct head *other = calloc(n + 1, sizeof(*other));
	size_t count[8][256] = { 0 };

	if (!other)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (unsigned int k = 0; k < 8; k++)
			count[k][(*v)[i].head >> 8 * k & 0xff]++;
	for (unsigned int k = 0; n && k < 8; k++) {
		struct head *from = *v;

		if (count[k][from->head >> 8 * k & 0xff] == n)
			continue;
		scatter(from, other, n, 8 * k, count[k]);
		*v = other;
		other = from;
	}
	return 0;
}
