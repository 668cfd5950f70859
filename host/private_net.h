/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/private_net.h: a network of this process's own, made of nothing.
 *
 *   packet socket <-- veth --> device "eth0" (an address of this host's)
 *   (far network)              (near network, in which this process is)
 *
 * A device is the end of a wire whose other end this process holds: what it
 * writes there has come in by the device, and what it reads has left by it. All
 * of it is gone with the process, however that ends.
 *
 * Shape:  enter once or more, each time into an empty network; then everything
 *         that this process makes is there. It forwards packets, filters none
 *         by their way back, and has "lo" up.
 * Units:  addresses in network byte order, IPv4 in the first four bytes.
 * Owner:  wire_close() closes what wire_open() opened, and the device is gone.
 * Errors: -errno. private_net_enter(): -EPERM and others of unshare(2): the
 *         kernel allows none. wire_open(): -EOPNOTSUPP: the kernel lacks veth.
 *         wire_read(): -EAGAIN: nothing is there.
 * Source: user_namespaces(7), network_namespaces(7), rtnetlink(7), packet(7);
 *         linux/veth.h.
 */
#ifndef CTPOLICY_HOST_PRIVATE_NET_H
#define CTPOLICY_HOST_PRIVATE_NET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/inet.h"

struct wire {
	char name[16];		/* of the device */
	int fd;			/* of this process's end; does not block */
	uint32_t far;		/* index of that end's device */
};

int private_net_enter(void);
/* Its own lock for legacy tables: the host's is of no concern here. */
int private_net_own_lock(void);
/* The ports that clients begin from, as the host has them. */
int private_net_ephemeral(struct port_range r);

int wire_open(const char *name, struct wire *ret);
void wire_close(struct wire *w);
/* IP packets, heads first. */
int wire_write(const struct wire *w, const uint8_t *v, size_t n);
ssize_t wire_read(const struct wire *w, uint8_t *v, size_t n);
/* One of this host's own; `name`: the device, which may be "lo". */
int private_net_address(const char *name, uint8_t family,
			const uint8_t *addr);
/*
 * Until packets to it come here. The kernel routes to a new address of IPv6 in
 * its own time, even without duplicate address detection (addrconf_dad_start()
 * in net/ipv6/addrconf.c); what comes before is forwarded, or lost. -ETIMEDOUT:
 * it was not for two seconds.
 */
int private_net_await(uint8_t family, const uint8_t *addr);
/* No longer; -EADDRNOTAVAIL: it was none. */
int private_net_no_address(const char *name, uint8_t family,
			   const uint8_t *addr);
/* The address lies behind the device. */
int private_net_route(const char *name, uint8_t family, const uint8_t *addr);

#endif
