/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/rule_order.c: the rules of each chain, in the order of evaluation. */
#include <stdlib.h>
#include <string.h>

#include "audit/uses.h"
#include "core/mem.h"

struct placed {
	uint32_t rule, chain;
	int32_t at;
};

static int by_place(const void *pa, const void *pb)
{
	const struct placed *a = pa, *b = pb;

	if (a->chain != b->chain)
		return a->chain < b->chain ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

static void fill(const struct foreign *f, const struct placed *v, size_t n,
		 struct rule_order *o)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		while (k <= v[i].chain)
			o->first[k++] = (uint32_t)i;
		o->rules[i] = v[i].rule;
	}
	while (k <= f->n_chains)
		o->first[k++] = (uint32_t)n;
}

int rule_order_make(const struct foreign *f, struct rule_order *ret)
{
	_cleanup_free_ struct placed *v = calloc(f->n_rules + 1, sizeof(*v));
	_cleanup_(rule_order_release) struct rule_order o = {
		.rules = calloc(f->n_rules + 1, sizeof(*o.rules)),
		.first = calloc(f->n_chains + 1, sizeof(*o.first)),
	};
	size_t n = 0;

	if (!v || !o.rules || !o.first)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n_rules; i++)
		if (!foreign_is_gone(&f->rules[i]))
			v[n++] = (struct placed){ i, f->rules[i].chain,
						  f->rules[i].at };
	qsort(v, n, sizeof(*v), by_place);
	fill(f, v, n, &o);
	*ret = o;
	o = (struct rule_order){ 0 };
	return 0;
}

void rule_order_release(struct rule_order *o)
{
	free(o->rules);
	free(o->first);
	*o = (struct rule_order){ 0 };
}
