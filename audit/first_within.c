/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/first_within.c: of all entries, those that matter within a zone. */
#include "audit/first.h"

#include <errno.h>

#include "core/mem.h"

#define NEAR_MAX 256		/* entries that a refusal is compared with */
#define FIRST_MAX 64		/* those that an accepting one is */

/* Said before, or (a refusal) with nothing behind it that it changes. */
static bool says_nothing(const struct first *x, size_t i)
{
	if (x->v[i].accepts) {
		for (size_t k = 0; k < i && k < FIRST_MAX; k++)
			if (x->v[k].accepts &&
			    zone_within(&x->v[i].z, &x->v[k].z))
				return true;
		return false;
	}
	if (x->n - i > NEAR_MAX)
		return false;
	for (size_t k = i + 1; k < x->n; k++)
		if (x->v[k].accepts && zone_meets(&x->v[i].z, &x->v[k].z))
			return false;
	return true;
}

int first_within(struct arena *a, const struct first *x, const struct zone *z,
		 struct first *ret)
{
	_cleanup_(first_release) struct first in = { 0 };
	size_t n = 0;
	int err = 0;

	if (mem_grow(&in.v, &in.cap, x->n + 1))
		return -ENOMEM;
	for (size_t i = 0; !err && i < x->n; i++) {
		if (!zone_meets(&x->v[i].z, z))
			continue;
		err = zone_intersect(a, &x->v[i].z, z, &in.v[in.n].z);
		in.v[in.n++].accepts = x->v[i].accepts;
	}
	for (size_t i = 0; !err && i < in.n; i++)
		if (!says_nothing(&in, i))
			in.v[n++] = in.v[i];
		else
			in.v[i].z.dim[0] = (struct spans){ .limited = true };
	if (err)
		return err;
	in.n = n;
	*ret = in;
	in = (struct first){ 0 };
	return 0;
}
