/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/keepers.h"

#include <netinet/in.h>
#include <linux/netfilter.h>

#include "audit/needs.h"
#include "audit/own.h"

/*
 * In a nat table of iptables each rule is part of address translation, and
 * the target alone switches tracking on.
 */
static bool keeps(const struct foreign *f, const struct foreign_rule *r,
		  enum foreign_feature x)
{
	const struct foreign_table *t = &f->tables[f->chains[r->chain].table];

	if (!(r->features >> x & 1) || !needs_feature(x))
		return false;
	return x != FEATURE_NAT || !t->ranked ||
	       r->features & FEATURE_BIT(NAT_VERDICT);
}

enum foreign_feature keepers_feature(const struct foreign *f,
				     const struct foreign_rule *r)
{
	enum foreign_feature x = (enum foreign_feature)0;

	while (x < FEATURE_MAX_ && !keeps(f, r, x))
		x++;
	return x;
}

bool keepers_has(const struct foreign *f, const struct foreign_rule *r)
{
	return keepers_feature(f, r) < FEATURE_MAX_;
}

static void count(const struct foreign *f, uint32_t i,
		  struct keepers_family *k)
{
	k->rules++;
	if (k->first == FOREIGN_NOWHERE ||
	    (own_is_rule(f, &f->rules[k->first]) &&
	     !own_is_rule(f, &f->rules[i])))
		k->first = i;
}

static bool is_both(uint8_t family)
{
	return family == NFPROTO_INET || family == NFPROTO_BRIDGE;
}

void keepers_find(const struct foreign *f, struct keepers *ret)
{
	*ret = (struct keepers){
		.ipv4.first = FOREIGN_NOWHERE, .ipv6.first = FOREIGN_NOWHERE,
		.objects = f->facts[FACT_CT_OBJECTS] +
			   f->facts[FACT_SYNPROXY_OBJECTS],
	};
	for (uint32_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];
		uint8_t family;

		if (foreign_is_gone(r) || !keepers_has(f, r))
			continue;
		family = f->tables[f->chains[r->chain].table].family;
		if (is_both(family) || family == NFPROTO_IPV4)
			count(f, i, &ret->ipv4);
		if (is_both(family) || family == NFPROTO_IPV6)
			count(f, i, &ret->ipv6);
	}
}
