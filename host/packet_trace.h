/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/packet_trace.h: every packet of this network namespace, seen on its way.
 *
 * A table of its own turns on the kernel's trace for all packets, and has a
 * chain at three places of the way, so that the trace tells of each packet what
 * conntrack made of it and that it got to the end, whoever's rules it met. The
 * table makes conntrack work. For private namespaces alone: a trace costs.
 *
 * Shape:  an event is one rule or policy of nf_tables that a packet met, or one
 *         of these places; events of one packet have the same id. `head` is the
 *         beginning of the packet, there with the first event in each chain.
 * Owner:  packet_trace_stop() takes the table out and closes the socket. Texts
 *         of an event are valid until the callback returns.
 * Errors: -errno. packet_trace_start(): -EINVAL, -EOPNOTSUPP, -EPROTONOSUPPORT:
 *         the kernel lacks nf_tables. packet_trace_read(): -ENOBUFS: events
 *         were lost, and nothing is known of what was traced meanwhile.
 * Source: NFNLGRP_NFTRACE and NFTA_TRACE_* in linux/netfilter/nf_tables.h;
 *         nft_trace_notify() in the kernel's net/netfilter/nf_tables_trace.c.
 */
#ifndef CTPOLICY_HOST_PACKET_TRACE_H
#define CTPOLICY_HOST_PACKET_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/netlink.h"

enum trace_place {
	TRACE_ELSEWHERE,	/* a rule or policy of somebody's */
	TRACE_BEGIN,		/* ahead of all hooks */
	TRACE_UNTRACKED,	/* behind conntrack */
	TRACE_TRACKED,		/* the same; or INVALID */
	TRACE_INPUT_END,
	TRACE_POSTROUTING_END,
};

struct trace_event {
	uint32_t id;
	uint8_t family;			/* AF_INET, AF_INET6; 0: not known */
	enum trace_place place;
	uint8_t table_family;		/* NFPROTO_* */
	const char *table, *chain;
	uint64_t handle;		/* of the rule; 0: the policy */
	bool drops;			/* it ends here, or is rejected */
	const uint8_t *head;		/* NULL: not with this event */
	uint16_t head_len;
	const uint8_t *transport;
	uint16_t transport_len;
};

struct packet_trace {
	struct netlink link;
	bool started;
};

int packet_trace_start(struct packet_trace *t);
/* All that happened so far. */
int packet_trace_read(struct packet_trace *t,
		      int (*take)(const struct trace_event *e, void *arg),
		      void *arg);
int packet_trace_stop(struct packet_trace *t);

#endif
