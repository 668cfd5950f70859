/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/heads.h: many items in the order of 64 bits each, without comparing
 * one with another.
 *
 * Shape:  items of the same head keep their order.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_CORE_HEADS_H
#define CTPOLICY_CORE_HEADS_H

#include <stddef.h>
#include <stdint.h>

struct head {
	uint64_t head;
	size_t i;			/* whose it is */
};

/* From so many on it pays. */
#define HEADS_MIN 256

/* The array may be another one afterwards. */
int heads_sort(struct head **v, size_t n);

#endif
