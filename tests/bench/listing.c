/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/bench/listing.c: fill the connection table of this network namespace
 * with entries, or list it without reading what comes.
 *
 * Source: linux/netfilter/nfnetlink_conntrack.h.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 100
#define ROOM 32768
#define TIMEOUT 3600

static struct nlmsghdr *begin(void *buf, unsigned int type, unsigned int flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	nfg->nfgen_family = AF_INET;
	return nlh;
}

static void put_tuple(struct nlmsghdr *nlh, uint16_t which, const uint32_t *ip,
		      const uint16_t *port)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, which), *in;

	in = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	mnl_attr_put_u32(nlh, CTA_IP_V4_SRC, htonl(ip[0]));
	mnl_attr_put_u32(nlh, CTA_IP_V4_DST, htonl(ip[1]));
	mnl_attr_nest_end(nlh, in);
	in = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(port[0]));
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(port[1]));
	mnl_attr_nest_end(nlh, in);
	mnl_attr_nest_end(nlh, tuple);
}

/* Half of them of one source each, the others of a hundred. */
static size_t put_entry(void *buf, uint32_t i)
{
	struct nlmsghdr *nlh = begin(buf, IPCTNL_MSG_CT_NEW, NLM_F_CREATE);
	uint32_t ip[3] = { i % 2 ? 10u << 24 | i : 192u << 24 | i / 2 % 100,
			   198u << 24 | 1, 0 };
	uint16_t port[3] = { (uint16_t)(1024 + i % 60000),
			     (uint16_t)(1 + i / 60000 + i % 7 * 1000), 0 };

	ip[2] = ip[0];
	port[2] = port[0];
	put_tuple(nlh, CTA_TUPLE_ORIG, ip, port);
	put_tuple(nlh, CTA_TUPLE_REPLY, ip + 1, port + 1);
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(TIMEOUT));
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(IPS_CONFIRMED));
	return nlh->nlmsg_len;
}

static int fill(struct mnl_socket *nl, uint32_t n)
{
	_Alignas(struct nlmsghdr) static char buf[ROOM];

	for (uint32_t i = 0; i < n;) {
		size_t len = 0;

		for (unsigned int k = 0; k < BATCH && i < n; k++)
			len += NLMSG_ALIGN(put_entry(buf + len, i++));
		if (mnl_socket_sendto(nl, buf, len) < 0)
			return 1;
	}
	return 0;
}

static int dump(struct mnl_socket *nl)
{
	_Alignas(struct nlmsghdr) static char buf[ROOM];
	struct nlmsghdr *nlh = begin(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP);

	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return 1;
	/* The end has a message of its own. */
	do
		if (mnl_socket_recvfrom(nl, buf, sizeof(buf)) <= 0)
			return 1;
	while (nlh->nlmsg_type != NLMSG_DONE);
	return 0;
}

int main(int argc, char **argv)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return 1;
	if (argc == 3 && !strcmp(argv[1], "fill"))
		return fill(nl, (uint32_t)strtoul(argv[2], NULL, 10));
	if (argc == 2 && !strcmp(argv[1], "dump"))
		return dump(nl);
	fprintf(stderr, "usage: listing fill N | dump\n");
	return 64;
}
