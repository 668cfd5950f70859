/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/keepers.h: what keeps connection tracking on, of each family.
 *
 * The kernel tracks the packets of a family where a rule of that family needs
 * it, in whatever chain, reached or not; NOTRACK and an empty nat chain don't.
 *
 * Shape:  `first` is the first such rule, one of the host's own where there is
 *         one; UINT32_MAX: no rule keeps it on.
 * Source: nf_ct_netns_get() in net/netfilter/nf_conntrack_proto.c.
 */
#ifndef CTPOLICY_AUDIT_KEEPERS_H
#define CTPOLICY_AUDIT_KEEPERS_H

#include "rules/foreign.h"

struct keepers_family {
	size_t rules;			/* ctpolicy's among them */
	uint32_t first;			/* in foreign.rules */
};

struct keepers {
	struct keepers_family ipv4, ipv6;
	size_t objects;		/* declared helpers, timeouts and the like */
};

void keepers_find(const struct foreign *f, struct keepers *ret);
/* Does this rule? */
bool keepers_has(const struct foreign *f, const struct foreign_rule *r);
/* One feature for which it does. */
enum foreign_feature keepers_feature(const struct foreign *f,
				     const struct foreign_rule *r);

#endif
