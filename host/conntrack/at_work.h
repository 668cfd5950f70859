/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/at_work.h: does this namespace track packets of a family?
 *
 * The kernel tracks a family only where some rule needs it, and does not say
 * so. One datagram is sent from this process to itself on loopback, with an
 * entry made for it beforehand: tracking refreshes the timeout of that entry,
 * ahead of all filters. The entry is deleted again.
 *
 * Where rules in raw take loopback out of tracking the datagram proves
 * nothing. Then entries in the table, other than those that the caller made
 * itself, count as proof.
 *
 * Shape:  nothing may be queued in x.
 * Errors: -errno.
 * Source: nf_ct_netns_get() and nf_conntrack_in() in
 *         net/netfilter/nf_conntrack_{proto,core}.c.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_AT_WORK_H
#define CTPOLICY_HOST_CONNTRACK_AT_WORK_H

#include "host/conntrack/ctnetlink.h"

int at_work(struct ctnl *x, uint8_t family, size_t own_entries, bool *ret);

#endif
