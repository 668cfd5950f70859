/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/rule_events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "core/mem.h"

#define NEWGEN (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)
/* One message with three attributes. */
#define MESSAGE_MAX 256

/* A rule set of any size is one message to us. */
static int filter_messages(struct netlink *n)
{
	/* The type is in host byte order; a filter loads in network order. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
			 offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(NEWGEN), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, MESSAGE_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { ARRAY_SIZE(code), code };

	return setsockopt(mnl_socket_get_fd(n->nl), SOL_SOCKET,
			  SO_ATTACH_FILTER, &program, sizeof(program)) ?
		       -errno : 0;
}

int rule_events_open(struct rule_events *e)
{
	int group = NFNLGRP_NFTABLES;
	struct rule_events x = { 0 };
	int err = netlink_open(&x.nl, NETLINK_NETFILTER);

	if (!err)
		err = filter_messages(&x.nl);
	if (!err && mnl_socket_setsockopt(x.nl.nl, NETLINK_ADD_MEMBERSHIP,
					  &group, sizeof(group)))
		err = -errno;
	if (err)
		rule_events_close(&x);
	else
		*e = x;
	return err;
}

void rule_events_close(struct rule_events *e)
{
	netlink_close(&e->nl);
}

int rule_events_fd(const struct rule_events *e)
{
	return mnl_socket_get_fd(e->nl.nl);
}

static int take_attr(const struct nlattr *a, struct rule_event *ret)
{
	uint16_t type = mnl_attr_get_type(a);

	if (type == NFTA_GEN_PROC_NAME) {
		if (mnl_attr_validate(a, MNL_TYPE_STRING))
			return -EBADMSG;
		snprintf(ret->name, sizeof(ret->name), "%.*s",
			 (int)mnl_attr_get_payload_len(a),
			 (const char *)mnl_attr_get_payload(a));
		return 0;
	}
	if (type != NFTA_GEN_ID && type != NFTA_GEN_PROC_PID)
		return 0;
	if (mnl_attr_validate(a, MNL_TYPE_U32))
		return -EBADMSG;
	*(type == NFTA_GEN_ID ? &ret->generation : &ret->pid) =
		ntohl(mnl_attr_get_u32(a));
	return 0;
}

static int take_message(const struct nlmsghdr *nlh, struct rule_event *ret)
{
	struct rule_event e = { 0 };
	const struct nlattr *a;
	int err = 0;

	netlink_for_each_attr(a, nlh, sizeof(struct nfgenmsg))
		if (!err)
			err = take_attr(a, &e);
	if (!err)
		*ret = e;
	return err;
}

int rule_events_take(struct rule_events *e, struct rule_event *ret)
{
	_Alignas(struct nlmsghdr) char buf[MESSAGE_MAX];
	ssize_t n = recv(rule_events_fd(e), buf, sizeof(buf), MSG_DONTWAIT);
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;

	if (n < 0)
		return -errno;
	if (!mnl_nlmsg_ok(nlh, (int)n) || nlh->nlmsg_type != NEWGEN)
		return -EBADMSG;
	return take_message(nlh, ret);
}
