/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/rule_events.h: the kernel tells who wrote nftables rules.
 *
 * Shape:  one message ends each transaction; what else a transaction is told
 *         by is left in the kernel. iptables' own tables tell nothing.
 * Units:  pid as seen from the first process namespace; name at most 15
 *         letters, as /proc/PID/comm has it, cut by whoever chose it.
 * Owner:  rule_events_open() opens what rule_events_close() closes.
 * Errors: -errno. -EAGAIN: nothing to read. -ENOBUFS: some were lost, so
 *         anything may have been written.
 * Source: NFNLGRP_NFTABLES, NFT_MSG_NEWGEN, NFTA_GEN_* in
 *         linux/netfilter/nfnetlink.h and nf_tables.h; classic filters see a
 *         netlink message from its header on (net/netlink/af_netlink.c).
 */
#ifndef CTPOLICY_HOST_RULE_EVENTS_H
#define CTPOLICY_HOST_RULE_EVENTS_H

#include "host/netlink.h"

struct rule_event {
	uint32_t generation;
	uint32_t pid;		/* 0: not told */
	char name[16];
};

struct rule_events {
	struct netlink nl;
};

int rule_events_open(struct rule_events *e);
void rule_events_close(struct rule_events *e);
int rule_events_fd(const struct rule_events *e);
/* The next one, without waiting. */
int rule_events_take(struct rule_events *e, struct rule_event *ret);

#endif
