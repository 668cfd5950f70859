/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/entries.h: the entries of the connection table, one by one as
 * the kernel lists them.
 *
 * The kernel's hash is keyed: the first entries of a listing are a random
 * sample of all. A listing walks the table of the whole machine, however few
 * entries this namespace has; while it lasts entries come and go, and one may
 * be listed twice.
 *
 * The request makes the kernel load nf_conntrack and nf_conntrack_netlink where
 * they are modules: ask ct_table_read() and ct_entries_load_nothing() first.
 *
 * Shape:  src and dst are those of the first packet, before any translation.
 *         Of ICMP dport is the type, and sport the identifier.
 * Units:  addresses in network byte order, IPv4 in the first four bytes;
 *         ports in host byte order.
 * Errors: -errno of the socket or of the kernel's answer; of `take`. -EAGAIN:
 *         the hash was resized meanwhile (hash_size.h): throw away what was
 *         taken, and list again, HASH_SIZE_TRIES times.
 * Source: linux/netfilter/nfnetlink_conntrack.h; IPS_* and TCP_CONNTRACK_* in
 *         linux/netfilter/nf_conntrack_common.h and _tcp.h.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_ENTRIES_H
#define CTPOLICY_HOST_CONNTRACK_ENTRIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_entry {
	uint8_t family, proto;		/* AF_*, IPPROTO_* */
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	uint32_t status;		/* IPS_* */
	uint8_t tcp_state;		/* TCP_CONNTRACK_*; 0: none */
	bool helped;			/* a helper looks into its packets */
};

/*
 * At most `limit` entries (0: all); *ret_whole: there were no more. An entry of
 * another family, or without a tuple, is passed over.
 */
int ct_entries_read(size_t limit, int (*take)(const struct ct_entry *e,
					      void *arg),
		    void *arg, bool *ret_whole);
/* Would listing them load a module? */
bool ct_entries_load_nothing(void);

#endif
