/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/flush.h: empty the connection tables of all network
 * namespaces.
 *
 * A packet that waits in a queue holds its entry. Such entries are in no
 * listing, only in the count, and to unload nf_conntrack while there is one
 * blocks until the packet is gone, and cannot be interrupted.
 *
 * Shape:  flushes and waits for at most FLUSH_WAIT_MS, until every count is 0.
 * Errors: -EBUSY: entries remain; *ret_where is the namespace (NULL: this
 *         one) and *ret_left their number. -EPERM: CAP_SYS_ADMIN is missing.
 *         Else -errno of the request.
 * Source: nf_conntrack_cleanup_net_list() in net/netfilter/nf_conntrack_core.c.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_FLUSH_H
#define CTPOLICY_HOST_CONNTRACK_FLUSH_H

#include <stddef.h>

#define FLUSH_WAIT_MS 2000

int conntrack_flush_all(const char **ret_where, size_t *ret_left);

#endif
