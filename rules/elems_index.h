/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/elems_index.h: which element of a set covers a point?
 *
 * A tree over the elements, halved by one field after the other, in which
 * each node knows the box around its elements. A search enters only the nodes
 * whose box covers the point: with disjoint elements that is about log n of
 * them, whichever of the fields tells the elements apart.
 *
 * Shape:  a field of the point that is not known (NULL) rules nothing out by
 *         itself; `may` is asked about it at each element.
 * Owner:  borrows the elements, which must not change meanwhile.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_RULES_ELEMS_INDEX_H
#define CTPOLICY_RULES_ELEMS_INDEX_H

#include "rules/elems.h"

struct elems_index;

struct elems_point {
	/* field_width() bytes each */
	const uint8_t *at[ELEMS_MAX_FIELDS];
	/* May the unknown field lie between first and last? */
	bool (*may)(enum field_type type, const uint8_t *first,
		    const uint8_t *last, const void *arg);
	const void *arg;
};

int elems_index_new(const struct elems *e, struct elems_index **ret);
bool elems_index_covers(const struct elems_index *x,
			const struct elems_point *p);
void elems_index_free(struct elems_index **x);

#endif
