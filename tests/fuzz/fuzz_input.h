/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_input.h: an input taken for choices, byte by byte.
 */
#ifndef CTPOLICY_TESTS_FUZZ_INPUT_H
#define CTPOLICY_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes still to take; zeros when there are none left. */
struct fuzz_input {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t fuzz_take(struct fuzz_input *in)
{
	if (!in->n)
		return 0;
	in->n--;
	return *in->p++;
}

static inline void fuzz_fill(struct fuzz_input *in, void *to, size_t n)
{
	uint8_t *b = to;

	for (size_t i = 0; i < n; i++)
		b[i] = fuzz_take(in);
}

#endif
