/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/tuple.h"

#include <arpa/inet.h>
#include <string.h>

struct nf_conntrack *tuple_new(const struct flow *f)
{
	struct nf_conntrack *ct = nfct_new();
	bool v4 = f->family == AF_INET;

	if (!ct)
		return NULL;
	nfct_set_attr_u8(ct, ATTR_L3PROTO, f->family);
	nfct_set_attr(ct, v4 ? ATTR_IPV4_SRC : ATTR_IPV6_SRC, f->saddr);
	nfct_set_attr(ct, v4 ? ATTR_IPV4_DST : ATTR_IPV6_DST, f->daddr);
	nfct_set_attr_u8(ct, ATTR_L4PROTO, f->proto);
	nfct_set_attr_u16(ct, ATTR_PORT_SRC, htons(f->sport));
	nfct_set_attr_u16(ct, ATTR_PORT_DST, htons(f->dport));
	nfct_setobjopt(ct, NFCT_SOPT_SETUP_REPLY);
	return ct;
}

bool tuple_get(const struct nf_conntrack *ct, struct flow *ret)
{
	struct flow f = { .family = nfct_get_attr_u8(ct, ATTR_L3PROTO),
			  .proto = nfct_get_attr_u8(ct, ATTR_L4PROTO) };
	bool v4 = f.family == AF_INET;
	const void *src = nfct_get_attr(ct, v4 ? ATTR_IPV4_SRC : ATTR_IPV6_SRC);
	const void *dst = nfct_get_attr(ct, v4 ? ATTR_IPV4_DST : ATTR_IPV6_DST);

	if ((!v4 && f.family != AF_INET6) || !src || !dst)
		return false;
	memcpy(f.saddr, src, addr_bytes(f.family));
	memcpy(f.daddr, dst, addr_bytes(f.family));
	if (protocol_has_ports(f.proto)) {
		f.sport = ntohs(nfct_get_attr_u16(ct, ATTR_PORT_SRC));
		f.dport = ntohs(nfct_get_attr_u16(ct, ATTR_PORT_DST));
	}
	if (protocol_is_icmp(f.proto)) {
		f.has_icmp = true;
		f.icmp_type = nfct_get_attr_u8(ct, ATTR_ICMP_TYPE);
	}
	*ret = f;
	return true;
}
