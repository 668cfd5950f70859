/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/ctnetlink.h: requests to the connection table, in batches.
 *
 * A request to ctnetlink makes the kernel load nf_conntrack if it is a module,
 * so ask host_conntrack_count() first.
 *
 * Shape:  ctnl_queue() gathers requests; ctnl_send() sends them and reads
 *         their answers. `done` counts the requests that succeeded.
 * Errors: -errno. ctnl_send(): the first answer that is neither success nor
 *         `as_good`; the rest of its batch has been sent by then.
 * Source: linux/netfilter/nfnetlink_conntrack.h, netlink(7);
 *         nfnetlink_rcv_msg() in net/netfilter/nfnetlink.c for the loading.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_CTNETLINK_H
#define CTPOLICY_HOST_CONNTRACK_CTNETLINK_H

#include "core/strbuf.h"
#include "host/netlink.h"

struct nf_conntrack;

struct ctnl {
	struct netlink link;
	struct strbuf queue;
	size_t queued, done;
	uint32_t first;		/* sequence number of the first one queued */
	/* Called for each request that succeeded; i counts from 0. NULL: no */
	int (*succeeded)(size_t i, void *arg);
	void *arg;
};

int ctnl_open(struct ctnl *x);
void ctnl_close(struct ctnl *x);
/*
 * take gets each entry of a family, AF_*, AF_UNSPEC: of all; some twice.
 * -EAGAIN: the hash was resized each time (hash_size.h).
 */
int ctnl_dump(struct ctnl *x, uint8_t family,
	      int (*take)(const struct nlmsghdr *nlh, void *arg), void *arg);
/* The entry of this tuple; -ENOENT. */
int ctnl_get(struct ctnl *x, const struct nf_conntrack *key,
	     int (*take)(const struct nlmsghdr *nlh, void *arg), void *arg);
/* type: IPCTNL_MSG_CT_*; flags: NLM_F_*, added to the usual ones. */
int ctnl_queue(struct ctnl *x, uint16_t type, uint16_t flags,
	       const struct nf_conntrack *ct);
int ctnl_send(struct ctnl *x, int as_good);

#endif
