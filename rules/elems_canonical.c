/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/elems_canonical.c: one form for all elements that mean the same. */
#include <string.h>

#include "rules/elems.h"

static void drop_twins(struct elems *e)
{
	size_t stride = elems_stride(e), k = 0;

	for (size_t i = 0; i < e->n; i++) {
		if (k && !elems_cmp(e, k - 1, e, i))
			continue;
		if (k != i) {
			memcpy(e->key + k * stride, elems_first(e, i),
			       stride);
			if (e->origins)
				e->origins[k] = e->origins[i];
		}
		k++;
	}
	e->n = k;
}

/* Sorted boxes of one field overlap only with a neighbour. */
static bool is_disjoint(const struct elems *e)
{
	if (elems_all_exact(e))
		return true;
	if (e->n_fields != 1)
		return e->n < 2;
	for (size_t i = 1; i < e->n; i++)
		if (memcmp(elems_last(e, i - 1), elems_first(e, i),
			   e->width) >= 0)
			return false;
	return true;
}

int elems_canonical(struct elems *e)
{
	int err;

	if (!e->width) {
		e->n = e->n ? 1 : 0;
		return 0;
	}
	err = elems_sort(e);
	if (err)
		return err;
	drop_twins(e);
	return is_disjoint(e) ? 0 : elems_split(e);
}
