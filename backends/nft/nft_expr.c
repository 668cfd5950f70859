/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_expr.c: an image rule as nftnl expressions. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>

#include <libnftnl/expr.h>
#include <libnftnl/udata.h>

#include "backends/lower/fuse.h"
#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_echo.h"
#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_netlink.h"
#include "core/mem.h"

struct nftnl_expr *nft_add_expr(struct nft_writer *w, const char *name)
{
	struct nftnl_expr *e = w->lost ? NULL : nftnl_expr_alloc(name);

	if (!e)
		w->lost = true;
	else
		nftnl_rule_add_expr(w->rule, e);
	return e;
}

void nft_put_meta(struct nft_writer *w, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = nft_add_expr(w, "meta");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
}

void nft_put_payload(struct nft_writer *w, uint32_t base, uint32_t offset,
			uint32_t len, uint32_t reg)
{
	struct nftnl_expr *e = nft_add_expr(w, "payload");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
}

void nft_put_cmp(struct nft_writer *w, uint32_t op, const void *data,
		    uint32_t len)
{
	struct nftnl_expr *e = nft_add_expr(w, "cmp");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

static void put_cmp8(struct nft_writer *w, uint32_t op, uint8_t value)
{
	nft_put_cmp(w, op, &value, sizeof(value));
}

static void put_cmp16(struct nft_writer *w, uint32_t op, uint16_t value)
{
	uint16_t be = htons(value);

	nft_put_cmp(w, op, &be, sizeof(be));
}

static void put_cmp32_host(struct nft_writer *w, uint32_t op, uint32_t value)
{
	nft_put_cmp(w, op, &value, sizeof(value));
}

void nft_put_mask(struct nft_writer *w, const void *mask, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = nft_add_expr(w, "bitwise");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

/* iifname "wan*": the bytes before the star; "lo": all 16 */
static void put_iface(struct nft_writer *w, uint32_t key,
		      const struct iface_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct iface *f = &s->v[i];

		nft_put_meta(w, key, NFT_REG_1);
		nft_put_cmp(w, NFT_CMP_EQ, f->name, f->wild ?
			(uint32_t)strnlen(f->name, sizeof(f->name)) :
			(uint32_t)sizeof(f->name));
	}
}

/* meta nfproto ipv4 meta l4proto tcp */
static void put_basis(struct nft_writer *w, uint8_t table,
		      const struct image_rule *r)
{
	const struct match *m = &r->match;

	if (table == NFPROTO_INET && m->family != AF_UNSPEC) {
		nft_put_meta(w, NFT_META_NFPROTO, NFT_REG_1);
		put_cmp8(w, NFT_CMP_EQ, m->family == AF_INET ? NFPROTO_IPV4 :
							       NFPROTO_IPV6);
	}
	if (m->proto && !r->led) {
		nft_put_meta(w, NFT_META_L4PROTO, NFT_REG_1);
		put_cmp8(w, NFT_CMP_EQ, m->proto);
	} else if (m->not_tcp) {
		nft_put_meta(w, NFT_META_L4PROTO, NFT_REG_1);
		put_cmp8(w, NFT_CMP_NEQ, IPPROTO_TCP);
	}
}

static void put_fib_type(struct nft_writer *w, uint32_t flag)
{
	struct nftnl_expr *e = nft_add_expr(w, "fib");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, flag);
}

static void put_key(struct nft_writer *w, enum key_part p, uint8_t af,
		    uint32_t reg)
{
	bool v6 = af == AF_INET6;

	switch (p) {
	case KEY_SPORT:
		nft_put_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2, reg);
		return;
	case KEY_DPORT:
		nft_put_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
		return;
	case KEY_SADDR:
		nft_put_payload(w, NFT_PAYLOAD_NETWORK_HEADER, v6 ? 8 : 12,
			    v6 ? 16 : 4, reg);
		return;
	case KEY_DADDR:
		nft_put_payload(w, NFT_PAYLOAD_NETWORK_HEADER, v6 ? 24 : 16,
			    v6 ? 16 : 4, reg);
		return;
	case KEY_IIFNAME:
		nft_put_meta(w, NFT_META_IIFNAME, reg);
		return;
	case KEY_OIFNAME:
		nft_put_meta(w, NFT_META_OIFNAME, reg);
		return;
	case KEY_DADDRTYPE:
	case KEY_PART_MAX_:
		break;
	}
	put_fib_type(w, NFTA_FIB_F_DADDR);
}

unsigned int nft_put_key(struct nft_writer *w, enum key_part p, uint8_t af,
			 uint32_t reg)
{
	put_key(w, p, af, reg);
	return (unsigned int)(field_width(key_part_field(p, af)) + 3) / 4;
}

/* tcp dport . ip daddr @set */
static void put_lookups(struct nft_writer *w, const struct image_rule *r,
			bool types)
{
	for (unsigned int i = 0; i < r->n_lookups; i++) {
		const struct lookup *l = &r->lookup[i];
		unsigned int word = 0;
		struct nftnl_expr *e;

		if ((l->part[0] == KEY_DADDRTYPE) != types)
			continue;
		for (unsigned int k = 0; k < l->n_parts; k++) {
			word += nft_put_key(w, l->part[k], r->match.family,
					    nft_word_reg(word));
		}
		e = nft_add_expr(w, "lookup");
		if (!e)
			return;
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
		nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, l->set);
	}
}

/* tcp dport 80, tcp dport 1024-65535 */
static void put_ports(struct nft_writer *w, const struct port_set *s,
		      enum key_part p)
{
	if (!s->n)
		return;
	put_key(w, p, AF_UNSPEC, NFT_REG_1);
	if (s->v[0].first == s->v[0].last) {
		put_cmp16(w, NFT_CMP_EQ, s->v[0].first);
		return;
	}
	put_cmp16(w, NFT_CMP_GTE, s->v[0].first);
	put_cmp16(w, NFT_CMP_LTE, s->v[0].last);
}

/* icmp type 11-12 */
static void put_icmp(struct nft_writer *w, const struct match *m)
{
	if (!m->n_icmp)
		return;
	nft_put_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, NFT_REG_1);
	if (m->icmp[0].first == m->icmp[0].last) {
		put_cmp8(w, NFT_CMP_EQ, m->icmp[0].first);
		return;
	}
	put_cmp8(w, NFT_CMP_GTE, m->icmp[0].first);
	put_cmp8(w, NFT_CMP_LTE, m->icmp[0].last);
}

/* tcp flags != syn / fin,syn,rst,ack */
static void put_not_syn(struct nft_writer *w)
{
	uint8_t mask = 0x17;

	nft_put_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG_1);
	nft_put_mask(w, &mask, sizeof(mask));
	put_cmp8(w, NFT_CMP_NEQ, 0x02);
}

/* ip frag-off & 8191 != 0; frag frag-off != 0 */
void nft_put_fragment(struct nft_writer *w, uint8_t af)
{
	uint16_t mask = htons(af == AF_INET6 ? 0xfff8 : 0x1fff);
	struct nftnl_expr *e;

	if (af == AF_INET6) {
		e = nft_add_expr(w, "exthdr");
		if (!e)
			return;
		nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1);
		nftnl_expr_set_u8(e, NFTNL_EXPR_EXTHDR_TYPE, IPPROTO_FRAGMENT);
		nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OFFSET, 2);
		nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_LEN, 2);
	} else {
		nft_put_payload(w, NFT_PAYLOAD_NETWORK_HEADER, 6, 2, NFT_REG_1);
	}
	nft_put_mask(w, &mask, sizeof(mask));
	put_cmp16(w, NFT_CMP_NEQ, 0);
}

/* fib saddr type local fib daddr type local */
static void put_local(struct nft_writer *w, const struct match *m)
{
	if (m->src_local) {
		put_fib_type(w, NFTA_FIB_F_SADDR);
		put_cmp32_host(w, NFT_CMP_EQ, RTN_LOCAL);
	}
	if (m->dst == DST_LOCAL) {
		put_fib_type(w, NFTA_FIB_F_DADDR);
		put_cmp32_host(w, NFT_CMP_EQ, RTN_LOCAL);
	}
}

/* ct state invalid,untracked */
static void put_ct(struct nft_writer *w, enum ct_kind ct)
{
	uint32_t mask = NF_CT_STATE_UNTRACKED_BIT;
	struct nftnl_expr *e;

	if (ct == CT_ANY)
		return;
	if (ct == CT_INVALID_OR_UNTRACKED)
		mask |= NF_CT_STATE_INVALID_BIT;
	e = nft_add_expr(w, "ct");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_STATE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	nft_put_mask(w, &mask, sizeof(mask));
	put_cmp32_host(w, NFT_CMP_NEQ, 0);
}

static void put_socket(struct nft_writer *w, const struct image_rule *r)
{
	static const struct {
		uint32_t key;
		uint8_t value;
	} v[] = {
		[SOCKET_OPEN] = { NFT_SOCKET_TRANSPARENT, 0 },
		[SOCKET_BOUND] = { NFT_SOCKET_WILDCARD, 0 },
		[SOCKET_WILDCARD] = { NFT_SOCKET_WILDCARD, 1 },
	};
	_Static_assert(ARRAY_SIZE(v) == SOCKET_MAX_, "a socket has no row");
	struct nftnl_expr *e;

	if (r->match.socket == SOCKET_ANY)
		return;
	e = nft_add_expr(w, "socket");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_KEY, v[r->match.socket].key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_DREG, NFT_REG_1);
	put_cmp8(w, NFT_CMP_EQ, v[r->match.socket].value);
}

void nft_put_code(struct nft_writer *w, int code, const char *chain)
{
	struct nftnl_expr *e = nft_add_expr(w, "immediate");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
	if (chain)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

static void put_timers(struct nft_writer *w, const char *name)
{
	struct nftnl_expr *e = nft_add_expr(w, "objref");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE,
			   NFT_OBJECT_CT_TIMEOUT);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, name);
}

void nft_put_verdict(struct nft_writer *w, const struct image_rule *r)
{
	if (r->verdict == VERDICT_NOTRACK) {
		nft_add_expr(w, "notrack");
		if (r->ends)
			nft_put_code(w, NF_ACCEPT, NULL);
	} else if (r->verdict == VERDICT_JUMP) {
		nft_put_code(w, r->ends ? NFT_GOTO : NFT_JUMP, r->target);
	} else if (r->verdict == VERDICT_TIMERS) {
		put_timers(w, r->target);
	} else {
		nft_put_code(w, r->verdict == VERDICT_RETURN ? NFT_RETURN :
							      NF_ACCEPT, NULL);
	}
}

static void put_comment(struct nft_writer *w, const char *comment)
{
	uint8_t udata[2 + COMMENT_MAX + 1];
	size_t len = comment ? strnlen(comment, COMMENT_MAX) : 0;

	if (!comment)
		return;
	udata[0] = NFT_UDATA_COMMENT;
	udata[1] = (uint8_t)(len + 1);
	memcpy(udata + 2, comment, len);
	udata[2 + len] = '\0';
	if (nftnl_rule_set_data(w->rule, NFTNL_RULE_USERDATA, udata,
				(uint32_t)len + 3) < 0)
		w->lost = true;
}

static void rule_freep(struct nftnl_rule **r)
{
	if (*r)
		nftnl_rule_free(*r);
}

/* The cheap tests first: fib and socket are looked up for few packets. */
static void put_rule(struct nft_writer *w, const struct image_table *t,
		     const struct image_rule *r)
{
	const struct match *m = &r->match;

	put_iface(w, NFT_META_IIFNAME, &m->iif);
	put_iface(w, NFT_META_OIFNAME, &m->oif);
	put_basis(w, t->family, r);
	put_lookups(w, r, false);
	put_ports(w, &m->sport, KEY_SPORT);
	put_ports(w, &m->dport, KEY_DPORT);
	put_icmp(w, m);
	if (m->not_syn)
		put_not_syn(w);
	if (m->fragment_tail)
		nft_put_fragment(w, m->family);
	put_local(w, m);
	put_lookups(w, r, true);
	put_ct(w, m->ct);
	put_socket(w, r);
	if (r->counts)
		nft_add_expr(w, "counter");
	nft_put_verdict(w, r);
	put_comment(w, r->comment);
}

static int put_words(struct nft_writer *w, const struct image_rule *r)
{
	struct nft_echo e;
	int err = nft_echo_parse(r->unknown, &e);

	if (!err)
		nft_echo_put(w, &e);
	return err;
}

int nft_rule_encode(const struct image_table *t, const char *chain,
		    const struct image_rule *r, struct nftnl_rule **ret,
		    struct diags *d)
{
	_cleanup_(rule_freep) struct nftnl_rule *nr = nftnl_rule_alloc();
	struct nft_writer w = { .rule = nr };
	int err = 0;

	if (!nr)
		return -ENOMEM;
	if (r->verdict == VERDICT_UNKNOWN)
		return diag_add(d, DIAG_ERROR, -EOPNOTSUPP, ID_HAND_EDITED,
				NOPOS,
				"a hand-edited rule of chain %s, table %s, cannot be written again",
				chain, t->name);
	nftnl_rule_set_u32(nr, NFTNL_RULE_FAMILY, t->family);
	if (nftnl_rule_set_str(nr, NFTNL_RULE_TABLE, t->name) < 0 ||
	    nftnl_rule_set_str(nr, NFTNL_RULE_CHAIN, chain) < 0)
		return -ENOMEM;
	if (t->iptables)
		err = nft_compat_put(&w, t->family, r, d);
	else if (r->verdict == VERDICT_WORDS)
		err = put_words(&w, r);
	else
		put_rule(&w, t, r);
	if (err || w.lost)
		return err ? err : -ENOMEM;
	*ret = TAKE_PTR(nr);
	return 0;
}
