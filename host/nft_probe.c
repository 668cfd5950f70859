/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/nft_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/mem.h"
#include "host/trace.h"

struct chain_view {
	const char *table, *name;
	bool base;
	uint32_t policy, use;
};

static const char *text_of(const struct nlattr *a)
{
	const char *s = (const char *)(a + 1);

	return a->nla_len > NLA_HDRLEN && !s[a->nla_len - NLA_HDRLEN - 1] ? s :
									    "";
}

static uint32_t number_of(const struct nlattr *a)
{
	uint32_t v = 0;

	if (a->nla_len >= NLA_HDRLEN + sizeof(v))
		memcpy(&v, a + 1, sizeof(v));
	return ntohl(v);
}

static void view(struct nlmsghdr *h, struct chain_view *ret)
{
	size_t at = NLMSG_ALIGN(sizeof(struct nfgenmsg)), len = h->nlmsg_len -
							       NLMSG_HDRLEN;
	const uint8_t *data = NLMSG_DATA(h);

	*ret = (struct chain_view){ "", "", false, NF_ACCEPT, 0 };
	while (at + NLA_HDRLEN <= len) {
		const struct nlattr *a =
			(const struct nlattr *)(const void *)(data + at);

		if (a->nla_len < NLA_HDRLEN || at + a->nla_len > len)
			return;
		switch (a->nla_type & NLA_TYPE_MASK) {
		case NFTA_CHAIN_TABLE:
			ret->table = text_of(a);
			break;
		case NFTA_CHAIN_NAME:
			ret->name = text_of(a);
			break;
		case NFTA_CHAIN_HOOK:
			ret->base = true;
			break;
		case NFTA_CHAIN_POLICY:
			ret->policy = number_of(a);
			break;
		case NFTA_CHAIN_USE:
			ret->use = number_of(a);
			break;
		default:
			break;
		}
		at += NLA_ALIGN(a->nla_len);
	}
}

static bool is_iptables(struct nlmsghdr *h)
{
	static const char *const tables[] = { "filter", "nat", "mangle", "raw",
					      "security" };
	static const char *const chains[] = { "PREROUTING", "INPUT", "FORWARD",
					      "OUTPUT", "POSTROUTING" };
	const struct nfgenmsg *g = NLMSG_DATA(h);
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

static int ask(int fd)
{
	struct {
		struct nlmsghdr h;
		struct nfgenmsg g;
	} req = {
		.h = { .nlmsg_len = sizeof(req),
		       .nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 |
				     NFT_MSG_GETCHAIN,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.g = { .nfgen_family = NFPROTO_UNSPEC,
		       .version = NFNETLINK_V0 },
	};

	host_trace("sendto(netlink, NFT_MSG_GETCHAIN dump)");
	return send(fd, &req, sizeof(req), 0) == sizeof(req) ? 0 : -errno;
}

/* 1: more to come, 0: the end, or -errno. */
static int take(void *buf, size_t len, bool *in_use)
{
	struct nlmsghdr *h = buf;

	for (; NLMSG_OK(h, len); h = NLMSG_NEXT(h, len)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			/* A kernel without nf_tables has nobody living there */
			return e->error == -EPERM ? -EPERM : 0;
		}
		*in_use |= is_iptables(h);
	}
	return 1;
}

int nft_probe_iptables(bool *ret_in_use)
{
	_Alignas(struct nlmsghdr) uint8_t buf[16384];
	bool in_use = false;
	int fd, r;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0) {
		*ret_in_use = false;
		return errno == EPROTONOSUPPORT ? 0 : -errno;
	}
	r = ask(fd);
	if (!r)
		r = 1;
	while (r > 0) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		r = n < 0 ? (errno == EINTR ? 1 : -errno) :
			    take(buf, (size_t)n, &in_use);
	}
	close(fd);
	if (!r)
		*ret_in_use = in_use;
	return r;
}
