/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/conntrack.h: the table of connections, when rules change.
 *
 * Shape:  both look at the flows that the rules of one image take out of
 *         tracking and those of another (NULL: none) do not.
 *         conntrack_evict() deletes their entries: one that stays is never
 *         refreshed, and kills its connection when the rules go again.
 *         conntrack_adopt() gives each TCP connection of this host that has
 *         none an entry, before tracking begins: so it lives whichever side
 *         speaks next, with nf_conntrack_tcp_loose=0, and under rules that
 *         want a SYN of what is new.
 *         Entries of forwarded or unrelated flows, and those that are
 *         translated (NAT), are left alone.
 * Errors: -errno with a warning; part may be done by then. A kernel without
 *         conntrack has nothing to do: 0.
 * Source: linux/netfilter/nfnetlink_conntrack.h, linux/inet_diag.h;
 *         RTM_GETADDR in rtnetlink(7).
 */
#ifndef CTPOLICY_HOST_CONNTRACK_CONNTRACK_H
#define CTPOLICY_HOST_CONNTRACK_CONNTRACK_H

#include "core/diag.h"
#include "rules/image.h"

int conntrack_evict(const struct image *out, const struct image *but,
		    size_t *ret_evicted, struct diags *d);
int conntrack_adopt(const struct image *out, const struct image *but,
		    size_t *ret_adopted, struct diags *d);

#endif
