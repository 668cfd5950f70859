/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/routes.h: through which interface does an address lie?
 *
 * Shape:  the kernel's own answer for a packet that this host would send. The
 *         other direction is assumed to take the same interface.
 * Owner:  routes_open() opens what routes_close() closes.
 * Errors: -errno of the netlink call; -ENODEV: no route, or several interfaces.
 * Source: RTM_GETROUTE and RTM_GETLINK in rtnetlink(7).
 */
#ifndef CTPOLICY_HOST_CONNTRACK_ROUTES_H
#define CTPOLICY_HOST_CONNTRACK_ROUTES_H

#include "host/netlink.h"

struct routes {
	struct netlink link;
	struct routes_name {
		uint32_t index;
		char name[16];
	} *v;
	size_t n, cap;
};

int routes_open(struct routes *r);
/* from: an address of this host, which routing may look at; NULL: any. */
int routes_interface(struct routes *r, uint8_t family, const uint8_t *to,
		     const uint8_t *from, char ret[static 16]);
void routes_close(struct routes *r);

#endif
