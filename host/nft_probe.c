/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/nft_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "core/mem.h"
#include "host/netlink.h"
#include "host/trace.h"

struct chain_view {
	const char *table, *name;
	bool base;
	uint32_t policy, use;
};

static int view_attr(const struct nlattr *a, void *data)
{
	struct chain_view *v = data;
	bool text = !mnl_attr_validate(a, MNL_TYPE_NUL_STRING);
	bool number = !mnl_attr_validate(a, MNL_TYPE_U32);

	switch (mnl_attr_get_type(a)) {
	case NFTA_CHAIN_TABLE:
		v->table = text ? mnl_attr_get_str(a) : "";
		break;
	case NFTA_CHAIN_NAME:
		v->name = text ? mnl_attr_get_str(a) : "";
		break;
	case NFTA_CHAIN_HOOK:
		v->base = true;
		break;
	case NFTA_CHAIN_POLICY:
		v->policy = number ? ntohl(mnl_attr_get_u32(a)) : 0;
		break;
	case NFTA_CHAIN_USE:
		v->use = number ? ntohl(mnl_attr_get_u32(a)) : 0;
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

static void view(const struct nlmsghdr *h, struct chain_view *ret)
{
	*ret = (struct chain_view){ "", "", false, NF_ACCEPT, 0 };
	mnl_attr_parse(h, sizeof(struct nfgenmsg), view_attr, ret);
}

static bool is_iptables(const struct nlmsghdr *h)
{
	static const char *const tables[] = { "filter", "nat", "mangle", "raw",
					      "security" };
	static const char *const chains[] = { "PREROUTING", "INPUT", "FORWARD",
					      "OUTPUT", "POSTROUTING" };
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(h);
	bool table = false, chain = false;
	struct chain_view v;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*g)) ||
	    (g->nfgen_family != NFPROTO_IPV4 &&
	     g->nfgen_family != NFPROTO_IPV6))
		return false;
	view(h, &v);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		table |= !strcmp(tables[i], v.table);
		chain |= !strcmp(chains[i], v.name);
	}
	return table && chain && v.base && (v.use || v.policy != NF_ACCEPT);
}

static int take_chain(const struct nlmsghdr *nlh, void *arg)
{
	bool *in_use = arg;

	*in_use |= is_iptables(nlh);
	return 0;
}

int nft_probe_iptables(bool *ret_in_use)
{
	char buf[64];
	struct nlmsghdr *nlh = netlink_put_nf(buf, NFNL_SUBSYS_NFTABLES,
					      NFT_MSG_GETCHAIN, NLM_F_DUMP,
					      NFPROTO_UNSPEC, 0);
	bool in_use = false;
	struct netlink n;
	int err = netlink_open(&n, NETLINK_NETFILTER);

	if (err == -EPROTONOSUPPORT) {
		*ret_in_use = false;
		return 0;
	}
	if (err)
		return err;
	host_trace("sendto(netlink, NFT_MSG_GETCHAIN dump)");
	err = netlink_ask(&n, nlh, take_chain, &in_use);
	netlink_close(&n);
	/*
	 * A kernel without nf_tables holds no such rules; and beside a
	 * writer that never rests the last reading is as good as any.
	 */
	if (err == -EINVAL || err == -EOPNOTSUPP || err == -EINTR)
		err = 0;
	if (!err)
		*ret_in_use = in_use;
	return err;
}
