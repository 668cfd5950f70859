/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/box_join.h: boxes that differ in one field alone are one box.
 *
 * Shape:  items of any type that begins with its box; their order is lost.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_BOX_JOIN_H
#define CTPOLICY_AUDIT_BOX_JOIN_H

#include "audit/box.h"

struct box_items {
	size_t size;			/* of an item */
	/* Of what an item has beside the box; NULL: nothing. */
	int (*cmp)(const void *a, const void *b);
	/* What b has beside the box goes to a; NULL: nothing. */
	int (*take)(void *a, const void *b);
	void (*release)(void *item);
};

int box_join(const struct box_items *t, void *v, size_t *n);

#endif
