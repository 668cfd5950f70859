/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/local_addresses.h: which addresses end on this host?
 *
 * Shape:  the addresses of all interfaces, and every prefix of type RTN_LOCAL
 *         in the routing table `local`: what `fib daddr type local` and
 *         `addrtype --dst-type LOCAL` call local. 127.0.0.0/8 is always there.
 *         Normalized.
 * Owner:  the caller releases the set.
 * Errors: -errno of the netlink call.
 * Source: RTM_GETADDR and RTM_GETROUTE in rtnetlink(7); inet_addr_type() in
 *         net/ipv4/fib_frontend.c, which looks into that table alone.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_LOCAL_ADDRESSES_H
#define CTPOLICY_HOST_CONNTRACK_LOCAL_ADDRESSES_H

#include "core/inet.h"

int local_addresses(struct prefix_set *ret);
/* Those of many hosts: multicast, and broadcast of the networks here. */
int group_addresses(struct prefix_set *ret);

#endif
