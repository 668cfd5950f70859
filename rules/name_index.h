/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/name_index.h: where in an array the item of a name is.
 *
 * Arrays of a few items are read through; one that grows gets an index, so
 * that a hostile or huge ruleset costs no more than n.
 *
 * Shape:  for an array that is only added to. Whoever sorts it or takes
 *         something out releases the index and fills another, or goes on
 *         without: an index that does not cover `n` items is not asked.
 *         `kind` tells items of the same name apart (a table's family).
 * Owner:  names are borrowed and outlive the index (core/intern.h).
 * Errors: name_index_add() returns -ENOMEM and leaves the index as it was.
 */
#ifndef CTPOLICY_RULES_NAME_INDEX_H
#define CTPOLICY_RULES_NAME_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name_slot {
	const char *name;		/* NULL: free */
	uint32_t kind, at;
};

struct name_index {
	struct name_slot *v;
	size_t n, cap;			/* cap: a power of two, or 0 */
};

/* The array's next item, number ix->n, is called `name`. */
int name_index_add(struct name_index *ix, const char *name, uint32_t kind);
/* Its number; SIZE_MAX: there is none. The first, if there are more. */
size_t name_index_find(const struct name_index *ix, const char *name,
		       uint32_t kind);
void name_index_release(struct name_index *ix);

#endif
