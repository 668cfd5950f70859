/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/xt_families.h"

#include <stddef.h>

#include "backends/xtables/xt_guard.h"
#include "core/mem.h"

/* Not registered yet; they belong to plugins, which stay with the process. */
static struct {
	uint8_t family;			/* the one that is set */
	struct xtables_target **v;
	size_t n, cap;
} others;

/* Without memory it is lost, as it would be without this file. */
static void take(struct xtables_target *t)
{
	if (t->family == NFPROTO_UNSPEC || t->family == others.family)
		xtables_register_target(t);
	else if (!mem_grow(&others.v, &others.cap, others.n + 1))
		others.v[others.n++] = t;
}

/* In their order, as libxtables does. */
void __attribute__((visibility("default")))
xtables_register_targets(struct xtables_target *target, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		take(&target[i]);
}

void xt_families_set(uint8_t family)
{
	size_t n = others.n, left = 0;

	xtables_set_nfproto(family);
	others.family = family;
	for (size_t i = 0; i < n; i++) {
		struct xtables_target *t = others.v[i];

		if (t->family == family)
			xtables_register_target(t);
		else
			others.v[left++] = t;
	}
	others.n = left;
}
