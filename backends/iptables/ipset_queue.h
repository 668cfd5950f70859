/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipset_queue.h: elements on their way into an ipset, or out
 * of one, some hundreds in a message.
 *
 * Shape:  they go out when the message is full, when others go into another
 *         set or another way, and at ipset_queue_flush(); what is there, or is
 *         not there, already is no error. After an error nothing is queued,
 *         and any of the message's elements may have got in; `name` is that of
 *         the set they were for, which need not be the one given last.
 * Owner:  borrows the name and the sets until they are flushed.
 * Errors: -ENOMEM; -errno of the socket; the kernel's, whose own begin at
 *         IPSET_ERR_PRIVATE: ipset_failed() has words for them.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPSET_QUEUE_H
#define CTPOLICY_BACKENDS_IPTABLES_IPSET_QUEUE_H

#include "backends/iptables/ipset_wire.h"

struct ipset_queue {
	struct netlink nl;		/* opened when it is first needed */
	struct nlmsghdr *nlh;		/* being written; NULL: none */
	struct nlattr *elems;		/* ... its list of elements */
	size_t n;
	const struct image_set *set;
	const char *name;
	bool add;
	struct ipset_wire wire;
	const struct origin *origin;	/* whose comment this is */
	char comment[COMMENT_MAX + 1];
	uint8_t *buf;
};

int ipset_queue_put(struct ipset_queue *q, const struct image_set *s, size_t i,
		    const char *name, bool add);
int ipset_queue_flush(struct ipset_queue *q);
void ipset_queue_release(struct ipset_queue *q);

#endif
