/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/leaving.h: with which source do this host's packets leave?
 *
 * Shape:  the kernel's own answers, for a packet of a socket that is bound to
 *         no address. Routes by mark, user or port are not asked for.
 * Units:  addresses in network byte order, of the family AF_*.
 * Owner:  leaving_open() opens what leaving_close() closes.
 * Errors: -errno of the netlink call. False: it is not known, as there is no
 *         such device, or no address.
 * Source: RTM_GETROUTE and RTM_GETADDR in rtnetlink(7); inet_select_addr() in
 *         net/ipv4/devinet.c, which masquerading calls (nf_nat_masquerade.c).
 */
#ifndef CTPOLICY_HOST_LEAVING_H
#define CTPOLICY_HOST_LEAVING_H

#include "core/inet.h"
#include "host/netlink.h"

struct leaving {
	struct netlink link;
	struct leaving_address {
		uint32_t index, flags;	/* of the device; IFA_F_* */
		uint8_t family, len, scope, addr[16];
	} *v;
	size_t n, cap;
};

int leaving_open(struct leaving *l);
void leaving_close(struct leaving *l);
/* Of a packet to `to` by the device; "lo": to this host itself. */
bool leaving_source(struct leaving *l, uint8_t family, const uint8_t *to,
		    const char *device, uint8_t ret[static 16]);
/* Is there a way to it, by whichever device? */
bool leaving_reaches(struct leaving *l, uint8_t family, const uint8_t *to);
/* The addresses next to the device, of which there may be several: the n-th. */
bool leaving_neighbours(const struct leaving *l, uint8_t family,
			const char *device, size_t n, struct prefix *ret);
bool leaving_has(const struct leaving *l, uint8_t family, const char *device,
		 const uint8_t *address);
/* The device that has the address; false: none has. */
bool leaving_device(const struct leaving *l, uint8_t family,
		    const uint8_t *address, char ret[static 16]);
/* What masquerading makes of its source, `from`. */
bool leaving_masqueraded(struct leaving *l, uint8_t family, const uint8_t *to,
			 const char *device, const uint8_t *from,
			 uint8_t ret[static 16]);

#endif
