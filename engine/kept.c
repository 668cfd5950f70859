/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/kept.h"

#include "audit/needs.h"
#include "audit/replace.h"
#include "core/mem.h"
#include "engine/forbidden.h"

#include <linux/netfilter.h>

/* 0: no word of the policy's is for it. */
static const unsigned int words[FEATURE_MAX_] = {
	[FEATURE_NAT] = KEEP_NAT,
	/* what rules ask beside it: `ct status dnat`, `ct original daddr` */
	[FEATURE_CTSTATUS] = KEEP_NAT,
	[FEATURE_CTADDR] = KEEP_NAT,
	[FEATURE_CTPORT] = KEEP_NAT,
	[FEATURE_CTDIR] = KEEP_NAT,
	[FEATURE_FLOWOFFLOAD] = KEEP_NAT,
	[FEATURE_HELPER] = KEEP_HELPERS,
	[FEATURE_CT_OTHER] = KEEP_HELPERS,
	[FEATURE_CTZONE] = KEEP_HELPERS,
	[FEATURE_CONNLIMIT] = KEEP_LIMITS,
	[FEATURE_CONNBYTES] = KEEP_LIMITS,
	[FEATURE_CONNMARK] = KEEP_MARKS,
	[FEATURE_CONNSECMARK] = KEEP_MARKS,
	[FEATURE_CONNLABEL] = KEEP_MARKS,
	[FEATURE_SYNPROXY] = KEEP_SYNPROXY,
};

/* What it needs beside states; *ret: KEEP_* for all of it, 0: none is. */
static bool needs_more(const struct foreign_rule *r, unsigned int *ret)
{
	bool any = false, all = true;

	*ret = 0;
	for (size_t i = 0; i < FEATURE_MAX_; i++) {
		if (i == FEATURE_STATE || !(r->features >> i & 1) ||
		    !needs_feature((enum foreign_feature)i))
			continue;
		any = true;
		all &= words[i] != 0;
		*ret |= words[i];
	}
	if (!all)
		*ret = 0;
	return any;
}

unsigned int kept_words(const struct foreign *f, const struct foreign_rule *r)
{
	unsigned int keeps;

	if (needs_more(r, &keeps))
		return keeps;
	return replace_is_translated(f, r) ? KEEP_NAT : 0;
}

static bool is_named(const struct plan *p, const struct foreign *f,
		     const struct foreign_rule *r)
{
	unsigned int keeps = kept_words(f, r);

	return keeps && (keeps & p->policy->keeps) == keeps;
}

static const struct foreign_table *table_of(const struct foreign *f,
					    const struct foreign_rule *r)
{
	return &f->tables[f->chains[r->chain].table];
}

static size_t count_objects(const struct foreign *f)
{
	return f->facts[FACT_CT_OBJECTS] + f->facts[FACT_SYNPROXY_OBJECTS];
}

/* Rules of a table of both families stay for both, or for neither. */
static bool joins_families(const struct plan *p, const struct foreign *f)
{
	for (size_t i = 0; i < f->n_rules; i++)
		if (forbidden_concerns(p, f, &f->rules[i]) &&
		    table_of(f, &f->rules[i])->family == NFPROTO_INET)
			return true;
	return false;
}

void kept_find(const struct plan *p, const struct foreign *f,
	       struct kept *ret)
{
	struct kept k = { 0 };

	for (size_t i = 0; p->policy->keeps && i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (!forbidden_concerns(p, f, r) || !is_named(p, f, r))
			continue;
		k.n++;
		k.ipv4 |= foreign_is_of(table_of(f, r), NFPROTO_IPV4);
		k.ipv6 |= foreign_is_of(table_of(f, r), NFPROTO_IPV6);
	}
	/* of whichever family their table is */
	if (count_objects(f) > kept_objects_left(p, f)) {
		k.n += count_objects(f) - kept_objects_left(p, f);
		k.ipv4 = p->policy->ipv4;
		k.ipv6 = p->policy->ipv6;
	}
	if (k.n && joins_families(p, f)) {
		k.ipv4 = p->policy->ipv4;
		k.ipv6 = p->policy->ipv6;
	}
	*ret = k;
}

bool kept_may_stay(const struct plan *p, const struct kept *k,
		   const struct foreign *f, const struct foreign_rule *r)
{
	const struct foreign_table *t = table_of(f, r);
	unsigned int keeps;

	if (is_named(p, f, r))
		return true;
	return !needs_more(r, &keeps) &&
	       ((k->ipv4 && foreign_is_of(t, NFPROTO_IPV4)) ||
		(k->ipv6 && foreign_is_of(t, NFPROTO_IPV6)));
}

unsigned int kept_objects_words(const struct plan *p, const struct foreign *f)
{
	return ((f->facts[FACT_CT_OBJECTS] ? KEEP_HELPERS : 0) |
		(f->facts[FACT_SYNPROXY_OBJECTS] ? KEEP_SYNPROXY : 0)) &
	       ~p->policy->keeps;
}

size_t kept_objects_left(const struct plan *p, const struct foreign *f)
{
	unsigned int keeps = p->policy->keeps;

	return (keeps & KEEP_HELPERS ? 0 : f->facts[FACT_CT_OBJECTS]) +
	       (keeps & KEEP_SYNPROXY ? 0 : f->facts[FACT_SYNPROXY_OBJECTS]);
}

int kept_tell(struct plan *p, const struct kept *k)
{
	if (!k->n || p->kept_told)
		return 0;
	p->kept_told = true;
	return diag_add(&p->diags, DIAG_NOTE, 0, ID_STATE_FORBIDDEN,
			p->policy->keeps_at,
			"%zu of the host's rules or declared objects keep%s connection tracking on, as `keep` allows: what matches states in %s stays as it is",
			k->n, k->n == 1 ? "s" : "", k->ipv4 && k->ipv6 ? "IPv4 and IPv6" :
			      k->ipv4 ? "IPv4" : "IPv6");
}
