/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_head.c: interfaces, protocol and addresses of a rule
 * of iptables, as iptables-nft writes them.
 */
#include <errno.h>
/* First: the C library has its own interface flags. */
#include <net/if.h>
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_netlink.h"

#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

static uint32_t op_of(bool negated)
{
	return negated ? NFT_CMP_NEQ : NFT_CMP_EQ;
}

/* -i eth0 with its NUL, -i wan+ without: as many bytes as the mask has */
static void put_iface(struct nft_writer *w, uint32_t key, const char *name,
		      const unsigned char *mask, bool negated)
{
	uint32_t n = 0;

	while (n < IFNAMSIZ && mask[n])
		n++;
	if (!n)
		return;
	nft_put_meta(w, key, NFT_REG_1);
	nft_put_cmp(w, op_of(negated), name, n);
}

static void put_proto(struct nft_writer *w, uint8_t proto, bool negated)
{
	if (!proto)
		return;
	nft_put_meta(w, NFT_META_L4PROTO, NFT_REG_1);
	nft_put_cmp(w, op_of(negated), &proto, sizeof(proto));
	nftnl_rule_set_u32(w->rule, NFTNL_RULE_COMPAT_PROTO, proto);
	nftnl_rule_set_u32(w->rule, NFTNL_RULE_COMPAT_FLAGS,
			   negated ? NFT_RULE_COMPAT_F_INV : 0);
}

static void put_addr(struct nft_writer *w, uint32_t offset, const void *addr,
		     const uint8_t *mask, uint32_t width, bool negated)
{
	uint8_t ones[16], none[16] = { 0 };

	memset(ones, 0xff, sizeof(ones));
	if (!memcmp(mask, none, width))
		return;
	nft_put_payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, width,
			NFT_REG_1);
	if (memcmp(mask, ones, width) != 0)
		nft_put_mask(w, mask, width);
	nft_put_cmp(w, op_of(negated), addr, width);
}

static int put_v4(struct nft_writer *w, const struct ipt_ip *h)
{
	uint8_t inv = h->invflags;

	put_iface(w, NFT_META_IIFNAME, h->iniface, h->iniface_mask,
		  inv & IPT_INV_VIA_IN);
	put_iface(w, NFT_META_OIFNAME, h->outiface, h->outiface_mask,
		  inv & IPT_INV_VIA_OUT);
	put_proto(w, (uint8_t)h->proto, inv & IPT_INV_PROTO);
	put_addr(w, 12, &h->src, (const void *)&h->smsk, 4,
		 inv & IPT_INV_SRCIP);
	put_addr(w, 16, &h->dst, (const void *)&h->dmsk, 4,
		 inv & IPT_INV_DSTIP);
	if (inv & IPT_INV_FRAG)
		return -EOPNOTSUPP;
	if (h->flags & IPT_F_FRAG)
		nft_put_fragment(w, AF_INET);
	return 0;
}

static void put_v6(struct nft_writer *w, const struct ip6t_ip6 *h)
{
	uint8_t inv = h->invflags;

	put_iface(w, NFT_META_IIFNAME, h->iniface, h->iniface_mask,
		  inv & IP6T_INV_VIA_IN);
	put_iface(w, NFT_META_OIFNAME, h->outiface, h->outiface_mask,
		  inv & IP6T_INV_VIA_OUT);
	put_proto(w, (uint8_t)h->proto, inv & IP6T_INV_PROTO);
	put_addr(w, 8, &h->src, (const void *)&h->smsk, 16,
		 inv & IP6T_INV_SRCIP);
	put_addr(w, 24, &h->dst, (const void *)&h->dmsk, 16,
		 inv & IP6T_INV_DSTIP);
}

int nft_compat_put_head(struct nft_writer *w, uint8_t family,
			const void *entry)
{
	if (family == NFPROTO_IPV4)
		return put_v4(w, &((const struct ipt_entry *)entry)->ip);
	put_v6(w, &((const struct ip6t_entry *)entry)->ipv6);
	return 0;
}
