/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/import_merge.c: pieces of services, put together. */
#include <stdlib.h>
#include <string.h>

#include "audit/box_join.h"
#include "audit/import_parts.h"
#include "core/mem.h"

#define COMPARED_MAX 4000	/* services that are compared with each other */

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void sort_rules(struct rule_list *l)
{
	size_t k = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_number);
	for (size_t i = 0; i < l->n; i++)
		if (!k || l->v[k - 1] != l->v[i])
			l->v[k++] = l->v[i];
	l->n = k;
}

static int take_rules(void *to, const void *from)
{
	struct import_service *a = to;
	const struct import_service *b = from;
	int err = 0;

	for (size_t i = 0; !err && i < b->rules.n; i++)
		err = rule_list_add(&a->rules, b->rules.v[i]);
	sort_rules(&a->rules);
	return err;
}

static int cmp_kind(const void *pa, const void *pb)
{
	const struct import_service *a = pa, *b = pb;

	if (a->roles != b->roles)
		return a->roles < b->roles ? -1 : 1;
	return (a->notes > b->notes) - (a->notes < b->notes);
}

static void release_item(void *item)
{
	import_service_release(item);
}

static const struct box_items services = {
	.size = sizeof(struct import_service),
	.cmp = cmp_kind, .take = take_rules, .release = release_item,
};

/* Does a hold all that b does, as well or better? */
static bool holds(const struct import_service *a,
		  const struct import_service *b)
{
	if (b->roles & ~a->roles ||
	    (a->notes & IMPORT_ADDED && !(b->notes & IMPORT_ADDED)))
		return false;
	for (unsigned int i = 0; i < DIM_MAX_; i++)
		if (!box_dim_within(&b->box, &a->box, (enum box_dim)i))
			return false;
	return true;
}

static int drop_held(struct import *im)
{
	size_t k = 0;
	int err = 0;

	for (size_t i = 0; i < im->n && im->n <= COMPARED_MAX; i++) {
		struct import_service *x = &im->v[i];
		bool held = false;

		for (size_t j = 0; !err && !held && j < im->n; j++) {
			if (j == i || !im->v[j].roles || !x->roles ||
			    !holds(&im->v[j], x))
				continue;
			held = true;
			err = take_rules(&im->v[j], x);
			x->roles = 0;
		}
	}
	for (size_t i = 0; i < im->n; i++) {
		if (!im->v[i].roles)
			import_service_release(&im->v[i]);
		else
			im->v[k++] = im->v[i];
	}
	im->n = k;
	return err;
}

/* Two that are the same but for their roles, or... */
typedef bool alike_fn(const struct import_service *a,
		      const struct import_service *b);

static bool differ_in_role(const struct import_service *a,
			   const struct import_service *b)
{
	return a->notes == b->notes && !box_cmp(&a->box, &b->box, DIM_MAX_);
}

/* ... but for the family, whose addresses are beside each other in a list. */
static bool differ_in_family(const struct import_service *a,
			     const struct import_service *b)
{
	static const enum box_dim same[] = {
		DIM_PROTOCOL, DIM_DPORT, DIM_IIF,
	};

	if (a->notes != b->notes || a->roles != b->roles ||
	    a->box.families & b->box.families ||
	    !a->box.src.n != !b->box.src.n || !a->box.dst.n != !b->box.dst.n)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		if (!box_dim_within(&a->box, &b->box, same[i]) ||
		    !box_dim_within(&b->box, &a->box, same[i]))
			return false;
	return true;
}

static int unite(struct import_service *a, const struct import_service *b)
{
	int err = take_rules(a, b);

	a->roles |= b->roles;
	if (!err)
		err = box_widen(&a->box, &b->box, DIM_SRC);
	if (!err)
		err = box_widen(&a->box, &b->box, DIM_DST);
	if (!err)
		err = box_widen(&a->box, &b->box, DIM_FAMILY);
	return err;
}

static int unite_alike(struct import *im, alike_fn *alike)
{
	int err = 0;

	for (size_t i = 0; i < im->n && im->n <= COMPARED_MAX; i++)
		for (size_t j = i + 1; !err && j < im->n; j++) {
			if (!alike(&im->v[i], &im->v[j]))
				continue;
			err = unite(&im->v[i], &im->v[j]);
			import_service_release(&im->v[j]);
			im->v[j--] = im->v[--im->n];
		}
	return err;
}

static int by_place(const void *pa, const void *pb)
{
	const struct import_service *a = pa, *b = pb;

	if (a->rules.v[0] != b->rules.v[0])
		return a->rules.v[0] < b->rules.v[0] ? -1 : 1;
	if (a->roles != b->roles)
		return a->roles < b->roles ? -1 : 1;
	return box_cmp(&a->box, &b->box, DIM_MAX_);
}

static int by_rule(const void *pa, const void *pb)
{
	const struct import_left *a = pa, *b = pb;

	if (a->rule != b->rule)
		return a->rule < b->rule ? -1 : 1;
	return (a->reason > b->reason) - (a->reason < b->reason);
}

void import_sort(struct import *im)
{
	for (size_t i = 0; i < im->n; i++)
		sort_rules(&im->v[i].rules);
	if (im->n)
		qsort(im->v, im->n, sizeof(*im->v), by_place);
	if (im->n_left)
		qsort(im->left, im->n_left, sizeof(*im->left), by_rule);
}

int import_merge(struct import *im)
{
	int err = box_join(&services, im->v, &im->n);

	/* the same order whatever it was made in */
	import_sort(im);
	if (!err)
		err = drop_held(im);
	if (!err)
		err = unite_alike(im, differ_in_role);
	if (!err)
		err = box_join(&services, im->v, &im->n);
	import_sort(im);
	if (!err)
		err = unite_alike(im, differ_in_family);
	import_sort(im);
	return err;
}
