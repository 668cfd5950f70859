/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/conntrack.h: the connection table, when rules change.
 *
 * conntrack_evict() deletes the entries of flows that leave tracking: one that
 * stays is never refreshed, outlives its connection, and kills it when the
 * rules go again. conntrack_adopt() gives each TCP connection of this host
 * that returns to tracking an entry beforehand: so it survives whichever side
 * speaks next, with nf_conntrack_tcp_loose=0, and under rules that let
 * new connections begin only with a SYN.
 *
 * Shape:  both look at the flows that the rules of `out` take out of tracking
 *         and those of `but` (NULL: none) do not. Left alone are entries that
 *         are translated (NAT) or in a zone of their own, and flows whose
 *         interface the rules leave tracked. Without connection tracking in
 *         the kernel nothing is requested, since a request would load it.
 * Owner:  the caller releases `adopted`.
 * Errors: -errno with a warning; part may be done by then.
 * Source: linux/netfilter/nfnetlink_conntrack.h.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_CONNTRACK_H
#define CTPOLICY_HOST_CONNTRACK_CONNTRACK_H

#include "core/diag.h"
#include "rules/flow.h"
#include "rules/image.h"

/* Connections that were given an entry, as their first packet went. */
struct adopted {
	struct flow *v;
	size_t n, cap;
};

int conntrack_evict(const struct image *out, const struct image *but,
		    size_t *ret_evicted, struct diags *d);
/*
 * stale: the flows are not tracked yet, so an entry that one of them has is an
 * old one, and is made to fit; otherwise it is alive, and is left alone.
 */
int conntrack_adopt(const struct image *out, const struct image *but,
		    bool stale, struct adopted *a, struct diags *d);
/* Delete the entries again of those families that are not tracked here. */
int conntrack_keep_tracked(struct adopted *a, struct diags *d);
/* Delete the entries again. */
int conntrack_disown(struct adopted *a, struct diags *d);
void adopted_release(struct adopted *a);

#endif
