/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/ctnetlink.h: requests to the table, many at a time.
 *
 * Shape:  ctnl_queue() gathers requests, ctnl_send() sends them and awaits
 *         their answers; `done` counts those that the kernel said yes to.
 * Errors: -errno. ctnl_send(): the first answer that is neither yes nor
 *         `as_good`; the rest of its batch has been sent by then.
 * Source: linux/netfilter/nfnetlink_conntrack.h, netlink(7).
 */
#ifndef CTPOLICY_HOST_CONNTRACK_CTNETLINK_H
#define CTPOLICY_HOST_CONNTRACK_CTNETLINK_H

#include <libmnl/libmnl.h>

#include "core/strbuf.h"

#define CTNL_RECEIVE_MAX 32768	/* what a dump gives at most at once */

struct nf_conntrack;

struct ctnl {
	struct mnl_socket *nl;
	struct strbuf queue;
	size_t queued, done;
	uint32_t seq;
};

int ctnl_open(struct ctnl *x);
void ctnl_close(struct ctnl *x);
/* cb gets each entry of one family, AF_*. */
int ctnl_dump(struct ctnl *x, uint8_t family, mnl_cb_t cb, void *data);
/* type: IPCTNL_MSG_CT_*; flags: NLM_F_*, beside the usual ones. */
int ctnl_queue(struct ctnl *x, uint16_t type, uint16_t flags,
	       const struct nf_conntrack *ct);
int ctnl_send(struct ctnl *x, int as_good);
/* A dump's answers, whole, from any netlink socket. */
int ctnl_receive_dump(struct mnl_socket *nl, uint32_t seq, mnl_cb_t cb,
		      void *data);

#endif
