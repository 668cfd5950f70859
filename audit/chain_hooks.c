/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/chain_hooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "core/mem.h"
#include "rules/walk.h"

uint8_t chain_hook(const struct host_chain *c)
{
	for (uint8_t i = 0; c->hook && i < WALK_HOOKS; i++)
		if (!strcmp(c->hook, walk_hook_name(i)))
			return i;
	return UINT8_MAX;
}

enum { CONNTRACK_PRIORITY = -200 };

/* Does a chain get hooks that it did not have? */
static bool pass_on(uint8_t hooks, uint32_t to, uint8_t *ret)
{
	if (to == FOREIGN_NOWHERE || !(hooks & ~ret[to]))
		return false;
	ret[to] |= hooks;
	return true;
}

static bool pass_by_map(const struct foreign *f, const struct foreign_rule *r,
			const struct term *t, uint8_t *ret)
{
	const struct key_set *set = &f->sets[t->set];
	bool changed = false;

	if (t->kind != TERM_VMAP || set->outcome == FOREIGN_NOWHERE)
		return false;
	for (uint32_t i = 0; i < set->n; i++)
		changed |= pass_on(ret[r->chain], foreign_leads_to(
					f, r, &f->outcomes[set->outcome + i]),
				   ret);
	return changed;
}

static bool pass_by_rule(const struct foreign *f, const struct foreign_rule *r,
			 uint8_t *ret)
{
	const struct foreign_outcome own = { r->verdict, r->target };
	bool changed = pass_on(ret[r->chain], foreign_leads_to(f, r, &own),
			       ret);

	for (uint32_t i = 0; i < r->n_terms; i++)
		changed |= pass_by_map(f, r, &f->terms[r->terms + i], ret);
	return changed;
}

/* Until nothing changes: chains call each other in any order. */
static void spread(const struct foreign *f, uint8_t *ret)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < f->n_rules; i++)
			if (!foreign_is_gone(&f->rules[i]))
				changed |= pass_by_rule(f, &f->rules[i], ret);
	}
}

void chain_hooks_find(const struct foreign *f, uint8_t *ret)
{
	for (size_t i = 0; i < f->n_chains; i++) {
		uint8_t hook = chain_hook(&f->chains[i]);

		if (hook != UINT8_MAX)
			ret[i] = (uint8_t)(1u << hook);
	}
	spread(f, ret);
}

int chain_hooks_early(const struct foreign *f, bool *ret)
{
	_cleanup_free_ uint8_t *bits = calloc(f->n_chains + 1, 1);

	if (!bits)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_chains; i++) {
		uint8_t hook = chain_hook(&f->chains[i]);

		bits[i] = (hook == NF_INET_PRE_ROUTING ||
			   hook == NF_INET_LOCAL_OUT) &&
			  walk_priority(f->chains[i].priority) <=
				  CONNTRACK_PRIORITY;
	}
	spread(f, bits);
	for (size_t i = 0; i < f->n_chains; i++)
		ret[i] = bits[i];
	return 0;
}
