/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/box_join.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 8

struct sorting {
	const struct box_items *t;
	enum box_dim but;
};

static int cmp_items(const void *a, const void *b, void *arg)
{
	const struct sorting *s = arg;
	int c = s->t->cmp ? s->t->cmp(a, b) : 0;

	return c ? c : box_cmp(a, b, s->but);
}

/* Neighbours that are the same but for one field. */
static int join_by(const struct sorting *s, void *v, size_t *n)
{
	const struct box_items *t = s->t;
	char *first = v;
	size_t k = 0;
	int err = 0;

	if (*n > 1)
		qsort_r(v, *n, t->size, cmp_items, (void *)(uintptr_t)s);
	for (size_t i = 1; !err && i < *n; i++) {
		char *to = first + k * t->size, *x = first + i * t->size;

		if (cmp_items(to, x, (void *)(uintptr_t)s)) {
			k++;
			if (k != i) {
				memcpy(first + k * t->size, x, t->size);
				memset(x, 0, t->size);
			}
			continue;
		}
		err = box_widen((struct box *)(void *)to,
				(const struct box *)(const void *)x, s->but);
		if (!err && t->take)
			err = t->take(to, x);
		t->release(x);
		memset(x, 0, t->size);
	}
	if (!err && *n)
		*n = k + 1;
	return err;
}

int box_join(const struct box_items *t, void *v, size_t *n)
{
	static const enum box_dim dims[] = {
		DIM_DPORT, DIM_SPORT, DIM_SRC, DIM_DST, DIM_IIF, DIM_OIF,
		DIM_PROTOCOL, DIM_FAMILY,
	};
	size_t before = *n + 1;
	int err = 0;

	for (size_t round = 0; !err && *n < before && round < ROUNDS_MAX;
	     round++) {
		before = *n;
		for (size_t i = 0; !err && i < sizeof(dims) / sizeof(*dims);
		     i++) {
			struct sorting s = { t, dims[i] };

			err = join_by(&s, v, n);
		}
	}
	return err;
}

static void release_box(void *item)
{
	box_release(item);
}

int boxes_join(struct boxes *l)
{
	static const struct box_items plain = {
		.size = sizeof(struct box), .release = release_box,
	};
	size_t k = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i].is_empty || !l->v[i].families)
			box_release(&l->v[i]);
		else
			l->v[k++] = l->v[i];
	}
	l->n = k;
	return box_join(&plain, l->v, &l->n);
}
