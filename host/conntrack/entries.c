/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/entries.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>
#include <unistd.h>

#include "host/conntrack/hash_size.h"
#include "host/modules.h"
#include "host/netlink.h"
#include "host/trace.h"

static uint16_t port_of(const struct nlattr *a)
{
	uint16_t be;

	if (netlink_attr_size(a) < sizeof(be))
		return 0;
	memcpy(&be, netlink_attr_data(a), sizeof(be));
	return ntohs(be);
}

static uint8_t byte_of(const struct nlattr *a)
{
	return netlink_attr_size(a) ? *(const uint8_t *)netlink_attr_data(a) :
				      0;
}

static void take_address(const struct nlattr *a, struct ct_entry *e)
{
	size_t n = netlink_attr_size(a);

	switch (netlink_attr_type(a)) {
	case CTA_IP_V4_SRC:
	case CTA_IP_V6_SRC:
		memcpy(e->src, netlink_attr_data(a),
		       n < sizeof(e->src) ? n : sizeof(e->src));
		break;
	case CTA_IP_V4_DST:
	case CTA_IP_V6_DST:
		memcpy(e->dst, netlink_attr_data(a),
		       n < sizeof(e->dst) ? n : sizeof(e->dst));
		break;
	default:
		break;
	}
}

static void take_proto(const struct nlattr *a, struct ct_entry *e)
{
	switch (netlink_attr_type(a)) {
	case CTA_PROTO_NUM:
		e->proto = byte_of(a);
		break;
	case CTA_PROTO_SRC_PORT:
	case CTA_PROTO_ICMP_ID:
	case CTA_PROTO_ICMPV6_ID:
		e->sport = port_of(a);
		break;
	case CTA_PROTO_DST_PORT:
		e->dport = port_of(a);
		break;
	case CTA_PROTO_ICMP_TYPE:
	case CTA_PROTO_ICMPV6_TYPE:
		e->dport = byte_of(a);
		break;
	default:
		break;
	}
}

static bool take_tuple(const struct nlattr *tuple, struct ct_entry *e)
{
	const struct nlattr *a, *b;
	unsigned int seen = 0;

	netlink_for_each_nested(a, tuple) {
		uint16_t type = netlink_attr_type(a);

		seen |= 1u << (type & 31);
		if (type == CTA_TUPLE_IP)
			netlink_for_each_nested(b, a)
				take_address(b, e);
		else if (type == CTA_TUPLE_PROTO)
			netlink_for_each_nested(b, a)
				take_proto(b, e);
	}
	return seen >> CTA_TUPLE_IP & 1 && seen >> CTA_TUPLE_PROTO & 1;
}

static void take_info(const struct nlattr *info, struct ct_entry *e)
{
	const struct nlattr *a, *b;

	netlink_for_each_nested(a, info) {
		if (netlink_attr_type(a) != CTA_PROTOINFO_TCP)
			continue;
		netlink_for_each_nested(b, a)
			if (netlink_attr_type(b) == CTA_PROTOINFO_TCP_STATE)
				e->tcp_state = byte_of(b);
	}
}

static void take_status(const struct nlattr *a, struct ct_entry *e)
{
	uint32_t be;

	if (netlink_attr_size(a) < sizeof(be))
		return;
	memcpy(&be, netlink_attr_data(a), sizeof(be));
	e->status = ntohl(be);
}

static bool parse(const struct nlmsghdr *nlh, struct ct_entry *e)
{
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	bool whole = false;

	*e = (struct ct_entry){ 0 };
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*head))
		return false;
	e->family = head->nfgen_family;
	netlink_for_each_attr(a, nlh, sizeof(*head)) {
		uint16_t type = netlink_attr_type(a);

		if (type == CTA_TUPLE_ORIG)
			whole = take_tuple(a, e);
		else if (type == CTA_STATUS)
			take_status(a, e);
		else if (type == CTA_PROTOINFO)
			take_info(a, e);
		else if (type == CTA_HELP)
			e->helped = true;
	}
	return whole && (e->family == AF_INET || e->family == AF_INET6);
}

struct listing {
	size_t limit, n;
	int (*take)(const struct ct_entry *e, void *arg);
	void *arg;
	bool whole, over;
	uint32_t seq;
	struct hash_size size;
};

static int take_message(struct listing *l, const struct nlmsghdr *nlh)
{
	const int *verdict = mnl_nlmsg_get_payload(nlh);
	struct ct_entry e;

	if (nlh->nlmsg_seq != l->seq)
		return 0;
	if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
		l->over = l->whole = true;
		return mnl_nlmsg_get_payload_len(nlh) < sizeof(*verdict) ?
			       0 : *verdict;
	}
	if (!parse(nlh, &e))
		return 0;
	if (l->limit && l->n == l->limit) {
		l->over = true;
		return 0;
	}
	l->n++;
	return l->take(&e, l->arg);
}

static int receive(struct netlink *n, struct listing *l)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_DUMP_SIZE];
	int err = 0;

	while (!err && !l->over) {
		ssize_t got = mnl_socket_recvfrom(n->nl, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const void *)buf;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (hash_size_changed(&l->size))
			return -EAGAIN;
		for (; !err && !l->over && mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			err = take_message(l, nlh);
	}
	return err;
}

int ct_entries_read(size_t limit, int (*take)(const struct ct_entry *e,
					      void *arg),
		    void *arg, bool *ret_whole)
{
	struct listing l = { .limit = limit, .take = take, .arg = arg };
	char buf[MNL_NLMSG_HDRLEN + MNL_ALIGN(sizeof(struct nfgenmsg))];
	struct netlink n = { 0 };
	struct nlmsghdr *nlh;
	int err = netlink_open(&n, NETLINK_NETFILTER);

	if (err)
		return err;
	hash_size_begin(&l.size);
	l.seq = ++n.seq;
	nlh = netlink_put_nf(buf, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET,
			     NLM_F_DUMP, AF_UNSPEC, l.seq);
	if (mnl_socket_sendto(n.nl, nlh, nlh->nlmsg_len) < 0)
		err = -errno;
	if (!err)
		err = receive(&n, &l);
	host_trace("list %zu conntrack entries = %d", l.n, err);
	/* Who closes the socket need not read the rest. */
	netlink_close(&n);
	hash_size_end(&l.size);
	if (!err)
		*ret_whole = l.whole;
	return err;
}

bool ct_entries_load_nothing(void)
{
	return modules_root_state(MODULES_SYS) != MODULES_LOADED ||
	       !access(MODULES_SYS "/nf_conntrack_netlink", F_OK);
}
