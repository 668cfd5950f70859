/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipset_dump.h: our ipsets as the kernel dumps them.
 *
 * Shape:  a set that is not made as ours are, or holds what none of ours
 *         would, is marked as unknown (image_set_mark_unknown()). The limits
 *         are the most that each set of a kind of ours may hold.
 * Owner:  ipset_limits_release().
 * Errors: -ENOMEM; -EPERM, -EIO with a diagnostic.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPSET_DUMP_H
#define CTPOLICY_BACKENDS_IPTABLES_IPSET_DUMP_H

#include <linux/netfilter/ipset/ip_set.h>

#include "backends/backend.h"
#include "core/diag.h"
#include "rules/image.h"

struct ipset_limits {
	struct ipset_limit {
		char name[IPSET_MAXNAMELEN];
		uint32_t max;
	} *v;
	size_t n, cap;
};

/*
 * Into t, a table of img; nothing where the kernel has no ipset. x: what is
 * expected; NULL: nothing.
 */
int ipset_dump(struct image *img, struct image_table *t,
	       const struct expectation *x, struct ipset_limits *limits,
	       struct diags *d);
uint32_t ipset_limits_find(const struct ipset_limits *l, const char *name);
void ipset_limits_release(struct ipset_limits *l);

/* Says what an answer of the kernel's means; d NULL: does not. */
int ipset_failed(const char *what, int err, struct diags *d);

#endif
