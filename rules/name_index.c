/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/name_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"

/* Where the name is, or would be; at most half of the slots are taken. */
static size_t slot_of(const struct name_index *ix, const char *name,
		      uint32_t kind)
{
	uint64_t h = digest_add(DIGEST_START, name, strlen(name));
	size_t i = (size_t)(digest_fold(h) ^ kind) & (ix->cap - 1);

	while (ix->v[i].name && (ix->v[i].kind != kind ||
				 strcmp(ix->v[i].name, name)))
		i = (i + 1) & (ix->cap - 1);
	return i;
}

static int enlarge(struct name_index *ix)
{
	struct name_index more = { .cap = ix->cap ? ix->cap * 2 : 32 };

	more.v = calloc(more.cap, sizeof(*more.v));
	if (!more.v)
		return -ENOMEM;
	for (size_t i = 0; i < ix->cap; i++)
		if (ix->v[i].name)
			more.v[slot_of(&more, ix->v[i].name, ix->v[i].kind)] =
				ix->v[i];
	more.n = ix->n;
	free(ix->v);
	*ix = more;
	return 0;
}

int name_index_add(struct name_index *ix, const char *name, uint32_t kind)
{
	size_t i;

	if (ix->n >= UINT32_MAX ||
	    (2 * (ix->n + 1) > ix->cap && enlarge(ix)))
		return -ENOMEM;
	i = slot_of(ix, name, kind);
	if (!ix->v[i].name)
		ix->v[i] = (struct name_slot){ name, kind, (uint32_t)ix->n };
	ix->n++;
	return 0;
}

size_t name_index_find(const struct name_index *ix, const char *name,
		       uint32_t kind)
{
	size_t i;

	if (!ix->n)
		return SIZE_MAX;
	i = slot_of(ix, name, kind);
	return ix->v[i].name ? ix->v[i].at : SIZE_MAX;
}

void name_index_release(struct name_index *ix)
{
	free(ix->v);
	*ix = (struct name_index){ 0 };
}
