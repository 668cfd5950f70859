/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_decode_cmp.c: what a comparison says of a packet. */
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "backends/nft/nft_decode.h"
#include "core/mem.h"

static void set_iface(struct nft_reader *r, struct iface_set *s,
		      const uint8_t *d, uint32_t len)
{
	struct iface f = { .wild = len < sizeof(f.name) };

	if (s->n || !len || len > sizeof(f.name) ||
	    (len == sizeof(f.name) && d[len - 1])) {
		r->unknown = true;
		return;
	}
	memcpy(f.name, d, len);
	if (iface_set_add(s, &f))
		r->lost = true;
}

static bool set_byte(uint8_t *field, uint8_t unset, uint8_t value)
{
	if (*field != unset && *field != value)
		return false;
	*field = value;
	return true;
}

static bool cmp_meta(struct nft_reader *r, uint32_t key, const uint8_t *d,
		     uint32_t len)
{
	struct match *m = &r->rule->match;

	switch (key) {
	case NFT_META_NFPROTO:
		return len == 1 &&
		       (d[0] == NFPROTO_IPV4 || d[0] == NFPROTO_IPV6) &&
		       set_byte(&m->family, AF_UNSPEC,
				d[0] == NFPROTO_IPV4 ? AF_INET : AF_INET6);
	case NFT_META_L4PROTO:
		return len == 1 && d[0] && !m->not_tcp &&
		       set_byte(&m->proto, 0, d[0]);
	case NFT_META_IIFNAME:
		set_iface(r, &m->iif, d, len);
		return true;
	case NFT_META_OIFNAME:
		set_iface(r, &m->oif, d, len);
		return true;
	default:
		return false;
	}
}

static bool cmp_not_tcp(struct nft_reader *r, const uint8_t *d, uint32_t len)
{
	struct match *m = &r->rule->match;

	if (m->proto || m->not_tcp)
		return false;
	m->not_tcp = true;
	return len == 1 && d[0] == IPPROTO_TCP;
}

static bool set_ports(struct nft_reader *r, uint32_t offset, uint16_t first,
		      uint16_t last)
{
	struct match *m = &r->rule->match;
	struct port_set *s = offset == 0 ? &m->sport : &m->dport;

	if (offset > 2 || s->n || first > last)
		return false;
	if (port_set_add(s, (struct port_range){ first, last }))
		r->lost = true;
	return true;
}

static bool set_icmp(struct nft_reader *r, uint16_t first, uint16_t last)
{
	struct match *m = &r->rule->match;

	if (m->n_icmp || first > last ||
	    (m->proto != IPPROTO_ICMP && m->proto != IPPROTO_ICMPV6))
		return false;
	m->icmp[m->n_icmp++] =
		(struct icmp_range){ (uint8_t)first, (uint8_t)last };
	return true;
}

/* A port or an ICMP type between two values. */
static bool set_range(struct nft_reader *r, const struct nft_load *l,
		      uint16_t first, uint16_t last)
{
	if (l->from != FROM_TRANSPORT || l->mask)
		return false;
	if (l->len == 2)
		return set_ports(r, l->key, first, last);
	return l->len == 1 && l->key == 0 && set_icmp(r, first, last);
}

static bool same_load(const struct nft_load *a, const struct nft_load *b)
{
	return a->from == b->from && a->key == b->key && a->len == b->len &&
	       a->mask == b->mask;
}

static bool cmp_range(struct nft_reader *r, const struct nft_load *l,
		      uint32_t op, uint16_t value)
{
	struct nft_half h = r->half;

	if (op == NFT_CMP_GTE && !h.open) {
		r->half = (struct nft_half){ true, *l, value };
		return true;
	}
	if (op != NFT_CMP_LTE || !h.open || !same_load(l, &h.load))
		return false;
	r->half.open = false;
	return set_range(r, l, h.first, value);
}

static bool cmp_transport(struct nft_reader *r, const struct nft_load *l,
			  uint32_t op, const uint8_t *d, uint32_t len)
{
	uint16_t value = len == 2 ? (uint16_t)(d[0] << 8 | d[1]) : d[0];

	if (len != l->len || len > 2)
		return false;
	if (l->mask) {
		if (l->key != 13 || l->mask != 0x17 || op != NFT_CMP_NEQ ||
		    value != 0x02 || r->rule->match.not_syn)
			return false;
		r->rule->match.not_syn = true;
		return true;
	}
	if (op == NFT_CMP_EQ)
		return set_range(r, l, value, value);
	return cmp_range(r, l, op, value);
}

static bool cmp_fragment(struct nft_reader *r, const struct nft_load *l,
			 uint32_t op, const uint8_t *d, uint32_t len)
{
	bool v6 = l->from == FROM_EXTHDR;
	struct match *m = &r->rule->match;

	if (op != NFT_CMP_NEQ || len != 2 || l->len != 2 || d[0] || d[1] ||
	    l->key != (v6 ? 2 : 6) || l->mask != htons(v6 ? 0xfff8 : 0x1fff) ||
	    m->fragment_tail)
		return false;
	m->fragment_tail = true;
	return set_byte(&m->family, AF_UNSPEC, v6 ? AF_INET6 : AF_INET);
}

static bool cmp_fib(struct nft_reader *r, const struct nft_load *l, uint32_t op,
		    const uint8_t *d, uint32_t len)
{
	bool source = l->key == NFTA_FIB_F_SADDR;
	struct match *m = &r->rule->match;
	uint32_t type;

	if (len != sizeof(type) || op != NFT_CMP_EQ ||
	    (source ? m->src_local : m->dst != DST_ANY))
		return false;
	memcpy(&type, d, sizeof(type));
	if (source)
		m->src_local = true;
	else
		m->dst = DST_LOCAL;
	return type == RTN_LOCAL;
}

static bool cmp_ct(struct nft_reader *r, const struct nft_load *l, uint32_t op,
		   const uint8_t *d, uint32_t len)
{
	struct match *m = &r->rule->match;
	uint32_t value;

	if (l->key != NFT_CT_STATE || len != sizeof(value) ||
	    op != NFT_CMP_NEQ || m->ct != CT_ANY)
		return false;
	memcpy(&value, d, sizeof(value));
	if (l->mask == NF_CT_STATE_UNTRACKED_BIT)
		m->ct = CT_UNTRACKED;
	else if (l->mask ==
		 (NF_CT_STATE_UNTRACKED_BIT | NF_CT_STATE_INVALID_BIT))
		m->ct = CT_INVALID_OR_UNTRACKED;
	return !value && m->ct != CT_ANY;
}

static bool cmp_socket(struct nft_reader *r, const struct nft_load *l,
		       uint32_t op, const uint8_t *d, uint32_t len)
{
	struct match *m = &r->rule->match;

	if (len != 1 || op != NFT_CMP_EQ || l->mask || d[0] > 1 ||
	    m->socket != SOCKET_ANY)
		return false;
	if (l->key == NFT_SOCKET_TRANSPARENT && !d[0])
		m->socket = SOCKET_OPEN;
	else if (l->key == NFT_SOCKET_WILDCARD)
		m->socket = d[0] ? SOCKET_WILDCARD : SOCKET_BOUND;
	else
		return false;
	return true;
}

bool nft_decode_cmp(struct nft_reader *r, const struct nft_load *l, uint32_t op,
		    const uint8_t *d, uint32_t len)
{
	switch (l->from) {
	case FROM_META:
		if (op == NFT_CMP_NEQ && l->key == NFT_META_L4PROTO)
			return !l->mask && cmp_not_tcp(r, d, len);
		return op == NFT_CMP_EQ && !l->mask &&
		       cmp_meta(r, l->key, d, len);
	case FROM_TRANSPORT:
		return cmp_transport(r, l, op, d, len);
	case FROM_NETWORK:
	case FROM_EXTHDR:
		return cmp_fragment(r, l, op, d, len);
	case FROM_FIB_TYPE:
		return !l->mask && cmp_fib(r, l, op, d, len);
	case FROM_CT:
		return cmp_ct(r, l, op, d, len);
	case FROM_SOCKET:
		return cmp_socket(r, l, op, d, len);
	case FROM_NOWHERE:
		break;
	}
	return false;
}
