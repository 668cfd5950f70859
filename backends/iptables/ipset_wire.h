/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipset_wire.h: ipset's netlink messages. Pure.
 *
 * Shape:  the dimensions of a set in ipset's order, which is that of its
 *         attributes: the first address is IP and CIDR, a later one IP2 and
 *         CIDR2. Fields stand in an element as in ipt_sets.h.
 * Units:  the kernel refuses numbers that are not marked as being in network
 *         byte order.
 * Owner:  all borrow the message or the set.
 * Errors: -ENOMEM, -EBADMSG: no kernel sends this.
 * Source: linux/netfilter/ipset/ip_set.h; ip_set_uadd(), ip_set_dump_do() in
 *         net/netfilter/ipset/ip_set_core.c, and ip_set_hash_gen.h there.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPSET_WIRE_H
#define CTPOLICY_BACKENDS_IPTABLES_IPSET_WIRE_H

#include <linux/netfilter/ipset/ip_set.h>

#include "backends/iptables/ipt_sets.h"
#include "host/netlink.h"

/* IPSET_MAX_COMMENT_SIZE of the kernel's, with NUL. */
#define IPSET_COMMENT_SIZE 256
/* No element, with its comment, takes more bytes of a message. */
#define IPSET_WIRE_ELEM_MAX 512

struct ipset_wire {
	size_t n;
	struct ipset_dim {
		bool port, net;
		size_t at, width;	/* in an element's first values */
	} dim[IPT_SET_DIMS];
};

/* What a message about a set begins with; NULL: about all sets. */
struct nlmsghdr *ipset_wire_head(void *buf, uint8_t cmd, uint16_t flags,
				 const char *set);
/* Set by IPSET_FLAG_*. */
void ipset_wire_flags(struct nlmsghdr *nlh, uint32_t flags);

/* Of a set that ipt_set_setup() has set up. */
void ipset_wire_init(struct ipset_wire *w, const struct image_set *s);
/* Element i; comment NULL: none. */
void ipset_wire_put(struct nlmsghdr *nlh, const struct ipset_wire *w,
		    const struct image_set *s, size_t i, const char *comment);

/* What a message of a dump says; NULL where it does not. */
struct ipset_said {
	const char *name, *kind;
	uint8_t family;			/* NFPROTO_* */
	const struct nlattr *made;	/* how it was created */
	const struct nlattr *elems;	/* a nest of nests, one for each */
};

int ipset_wire_read(const struct nlmsghdr *nlh, struct ipset_said *ret);
/* Was it created as we do it, whatever its size? Tells the most it holds. */
bool ipset_wire_is_ours(const struct nlattr *made, uint32_t *ret_max);
/* How many elements it has; 0: the kernel does not say. */
uint32_t ipset_wire_count(const struct nlattr *made);

/* Elements come one after the other, mostly with the same comment. */
struct ipset_taker {
	struct image *img;
	struct image_set *set;
	struct ipset_wire wire;
	const struct origin *origin;	/* of the comment; NULL: none yet */
	char comment[IPSET_COMMENT_SIZE];
};

/* -ENOENT: no element that is ours to have. */
int ipset_wire_take(struct ipset_taker *t, const struct nlattr *elem);

#endif
