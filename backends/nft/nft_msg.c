/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_msg.c: message heads and attributes. */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include "backends/nft/nft_netlink.h"
#include "core/mem.h"
#include "host/netlink.h"

struct nlmsghdr *nft_msg_put(void *buf, uint16_t type, uint16_t flags,
			     uint8_t family, uint32_t seq)
{
	return netlink_put_nf(buf, (uint8_t)(type >> 8), (uint8_t)type, flags,
			      family, seq);
}

uint8_t nft_msg_family(const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);

	return nfg->nfgen_family;
}

struct wanted {
	const struct nlattr **v;
	uint16_t max;
};

static int keep_attr(const struct nlattr *a, void *data)
{
	const struct wanted *w = data;
	uint16_t type = mnl_attr_get_type(a);

	if (type <= w->max)
		w->v[type] = a;
	return MNL_CB_OK;
}

int nft_msg_attrs(const struct nlmsghdr *nlh, const struct nlattr **v,
		  uint16_t max)
{
	struct wanted w = { v, max };

	memset(v, 0, (max + 1u) * sizeof(*v));
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return -EINVAL;
	return mnl_attr_parse(nlh, sizeof(struct nfgenmsg), keep_attr, &w) < 0 ?
		-EINVAL : 0;
}

int nft_nest_attrs(const struct nlattr *nest, const struct nlattr **v,
		   uint16_t max)
{
	struct wanted w = { v, max };

	memset(v, 0, (max + 1u) * sizeof(*v));
	return mnl_attr_parse_nested(nest, keep_attr, &w) < 0 ? -EINVAL : 0;
}

const char *nft_attr_str(const struct nlattr *a)
{
	return a && !mnl_attr_validate(a, MNL_TYPE_NUL_STRING) ?
		mnl_attr_get_str(a) : "";
}

uint32_t nft_attr_u32(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= 4 ?
		ntohl(mnl_attr_get_u32(a)) : 0;
}

uint64_t nft_attr_u64(const struct nlattr *a)
{
	return a && mnl_attr_get_payload_len(a) >= 8 ?
		be64toh(mnl_attr_get_u64(a)) : 0;
}
