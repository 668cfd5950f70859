/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/sockets.h: the TCP connections that end on this host.
 *
 * Shape:  one flow for each open socket, as its packets come in: from the peer
 *         to this host. IPv4 in an IPv6 socket is IPv4. sockets_serve(): a
 *         socket listens on its port, so the peer opened the connection.
 * Owner:  sockets_release().
 * Errors: -errno of the netlink call; -ENOENT where the kernel has no
 *         sock_diag.
 * Source: linux/inet_diag.h, sock_diag(7).
 */
#ifndef CTPOLICY_HOST_CONNTRACK_SOCKETS_H
#define CTPOLICY_HOST_CONNTRACK_SOCKETS_H

#include "rules/flow.h"

struct sockets {
	struct flow *v;
	size_t n, cap;
	uint8_t listens[65536 / 8];	/* a bit for each port */
};

int sockets_read(struct sockets *ret);
bool sockets_serve(const struct sockets *s, const struct flow *f);
void sockets_release(struct sockets *s);

#endif
