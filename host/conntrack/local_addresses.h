/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/local_addresses.h: what this namespace calls its own.
 *
 * Shape:  sorted prefixes of one address each, and 127.0.0.0/8.
 * Owner:  the caller releases the set.
 * Errors: -errno of the netlink call.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_LOCAL_ADDRESSES_H
#define CTPOLICY_HOST_CONNTRACK_LOCAL_ADDRESSES_H

#include "core/inet.h"

int local_addresses(struct prefix_set *ret);

#endif
