/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/timer_attrs.h: timers in messages of netlink. nf_tables and
 * nfnetlink_cttimeout have the same nest of them.
 *
 * libnetfilter_cttimeout cannot read a timer, only print it, and libnftnl knows
 * those of TCP and UDP alone; so libmnl it is.
 *
 * Units:  seconds, big-endian in the message.
 * Source: linux/netfilter/nfnetlink_cttimeout.h; ctnl_timeout_parse_policy() in
 *         net/netfilter/nfnetlink_cttimeout.c.
 */
#ifndef CTPOLICY_HOST_TIMER_ATTRS_H
#define CTPOLICY_HOST_TIMER_ATTRS_H

#include <libmnl/libmnl.h>

#include "core/timers.h"

/* Those that are named; the others get the kernel's defaults. */
void timer_attrs_put(struct nlmsghdr *nlh, uint16_t type,
		     const struct timers *t);
/*
 * All that the kernel has for the protocol, of the nest (NULL: none is read).
 * False: the protocol has none.
 */
bool timer_attrs_get(const struct nlattr *nest, uint8_t proto,
		     struct timers *ret);

#endif
