/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/conntrack/conntrack.h: the table of connections, through ctnetlink.
 *
 * Shape:  conntrack_flush() evicts the entries of flows that the rules take out
 *         of tracking: an entry that stays is never refreshed, and kills its
 *         connection when the rules go again. Entries of forwarded or
 *         unrelated flows, and those that are translated (NAT), stay.
 * Errors: -errno with a diagnostic; some entries may be gone by then. A kernel
 *         without conntrack has nothing to evict: 0.
 * Source: linux/netfilter/nfnetlink_conntrack.h; RTM_GETADDR in rtnetlink(7).
 */
#ifndef CTPOLICY_BACKENDS_CONNTRACK_CONNTRACK_H
#define CTPOLICY_BACKENDS_CONNTRACK_CONNTRACK_H

#include "core/diag.h"
#include "core/flow.h"

int conntrack_flush(const struct ruleset *rs, size_t *ret_evicted,
		    struct diags *d);

#endif
