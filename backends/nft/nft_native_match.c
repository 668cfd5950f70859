/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_match.c: zones as nft's expressions. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>

#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_native.h"
#include "backends/nft/nft_side.h"
#include "core/intern.h"
#include "core/mem.h"

/* Neither the interfaces asked for nor the others are names. */
#define UNSAID (-EOPNOTSUPP)

struct asking {
	const struct nft_native_asked *x;
	uint8_t af;
	struct nft_raw *to;
	struct nft_writer w;
	bool alone;
};

/* How a dimension is loaded, and the type nft shows its values as. */
static const struct dim_row {
	enum zone_dim dim;
	bool v6_too;			/* of both families alike */
	uint32_t type;			/* enum nft_data_types of nft */
} dims[] = {
	{ ZONE_SRC, false, 7 },	 { ZONE_DST, false, 7 },
	{ ZONE_PROTO, true, 12 }, { ZONE_ICMP, false, 14 },
	{ ZONE_SPORT, true, 13 }, { ZONE_DPORT, true, 13 },
};
#define TYPE_ADDR6 8
#define TYPE_ICMP6 29

static bool is_asked(const struct nft_native_asked *x, enum zone_dim dim)
{
	return nft_side_is_asked(x->known, x->r, dim);
}

static size_t ways_of(const struct nft_side *names)
{
	return names->negated ? 1 : names->s.n;
}

int nft_native_ways(const struct nft_native_asked *x, size_t *ret)
{
	return nft_side_ways(x->known, x->r, UNSAID, ways_of, ret);
}

/* "eth+": the bytes that all have. */
static void put_name(struct asking *x, uint32_t key, const struct key_range *r,
		     bool negated)
{
	size_t n = 0;

	while (n < TERM_KEY_MAX && r->first[n] && r->first[n] == r->last[n])
		n++;
	nft_put_meta(&x->w, key, NFT_REG_1);
	nft_put_cmp(&x->w, negated ? NFT_CMP_NEQ : NFT_CMP_EQ, r->first,
		    key_range_is_single(r) ? TERM_KEY_MAX : (uint32_t)n);
}

static int ask_names(struct asking *x, struct arena *a, enum zone_dim dim,
		     uint32_t key, size_t *way)
{
	struct nft_side v;
	int err;

	if (!is_asked(x->x, dim))
		return 0;
	err = nft_side_names(a, x->x->r, dim, UNSAID, &v);
	if (err)
		return err;
	for (size_t i = 0; i < v.s.n; i++)
		if (v.negated || i == *way % v.s.n)
			put_name(x, key, &v.s.v[i], v.negated);
	if (!v.negated)
		*way /= v.s.n;
	return 0;
}

static void load(struct asking *x, enum zone_dim dim)
{
	static const enum key_part keys[ZONE_MAX_] = {
		[ZONE_SRC] = KEY_SADDR, [ZONE_DST] = KEY_DADDR,
		[ZONE_SPORT] = KEY_SPORT, [ZONE_DPORT] = KEY_DPORT,
	};

	if (dim == ZONE_PROTO)
		nft_put_meta(&x->w, NFT_META_L4PROTO, NFT_REG_1);
	else if (dim == ZONE_ICMP)
		nft_put_payload(&x->w, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1,
				NFT_REG_1);
	else
		nft_put_key(&x->w, keys[dim], x->af, NFT_REG_1);
}

static void put_range(struct asking *x, const struct key_range *r, size_t bytes,
		      bool negated)
{
	struct nftnl_expr *e;

	if (key_range_is_single(r)) {
		nft_put_cmp(&x->w, negated ? NFT_CMP_NEQ : NFT_CMP_EQ,
			    r->first, (uint32_t)bytes);
		return;
	}
	/* as nft 1.0.6 does */
	if (!negated) {
		nft_put_cmp(&x->w, NFT_CMP_GTE, r->first, (uint32_t)bytes);
		nft_put_cmp(&x->w, NFT_CMP_LTE, r->last, (uint32_t)bytes);
		return;
	}
	e = nft_add_expr(&x->w, "range");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_RANGE_OP, NFT_RANGE_NEQ);
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_FROM_DATA, r->first,
		       (uint32_t)bytes);
	nftnl_expr_set(e, NFTNL_EXPR_RANGE_TO_DATA, r->last, (uint32_t)bytes);
}

/* What an element is beside its key. */
enum elem_kind {
	ELEM_PLAIN,
	ELEM_END,
	ELEM_OPEN,			/* no end behind it: nft notes that */
};

#define OPEN_FLAG 1			/* SET_ELEM_F_INTERVAL_OPEN of nft */

static int put_elem(struct nft_bytes *to, const uint8_t *key, size_t bytes,
		    enum elem_kind kind)
{
	static const uint32_t open = OPEN_FLAG;
	uint8_t user[2 + sizeof(open)] = { NFT_UDATA_ELEM_FLAGS, sizeof(open) };
	_cleanup_(nft_bytes_release) struct nft_bytes in = { 0 }, value = { 0 };
	uint32_t flags = htonl(NFT_SET_ELEM_INTERVAL_END);
	int err = nft_bytes_attr(&value, NFTA_DATA_VALUE, key, bytes);

	if (!err)
		err = nft_bytes_attr(&in, NFTA_SET_ELEM_KEY, value.v, value.n);
	if (!err && kind == ELEM_END)
		err = nft_bytes_attr(&in, NFTA_SET_ELEM_FLAGS, &flags,
				     sizeof(flags));
	memcpy(user + 2, &open, sizeof(open));
	if (!err && kind == ELEM_OPEN)
		err = nft_bytes_attr(&in, NFTA_SET_ELEM_USERDATA, user,
				     sizeof(user));
	return err ? err : nft_bytes_attr(to, NFTA_LIST_ELEM, in.v, in.n);
}

/* The value behind; false: there is none. */
static bool next_value(const uint8_t *v, size_t bytes, uint8_t *ret)
{
	memcpy(ret, v, bytes);
	while (bytes--)
		if (++ret[bytes])
			return true;
	return false;
}

static int put_members(struct nft_bytes *to, const struct spans *s,
		       size_t bytes, bool ranges)
{
	static const uint8_t zero[TERM_KEY_MAX];
	uint8_t end[TERM_KEY_MAX];
	bool from_zero = !s->n || !memcmp(s->v[0].first, zero, bytes);
	int err = ranges && !from_zero ? put_elem(to, zero, bytes, ELEM_END) :
					 0;

	for (size_t i = 0; !err && i < s->n; i++) {
		bool ends = next_value(s->v[i].last, bytes, end);

		err = put_elem(to, s->v[i].first, bytes,
			       ranges && !ends ? ELEM_OPEN : ELEM_PLAIN);
		if (!err && ranges && ends)
			err = put_elem(to, end, bytes, ELEM_END);
	}
	return err;
}

static int put_u32(struct nft_bytes *to, uint16_t type, uint32_t v)
{
	v = htonl(v);
	return nft_bytes_attr(to, type, &v, sizeof(v));
}

/* A set of the rule's own, and the lookup in it. */
static int put_set(struct asking *x, const struct nft_side *v, size_t bytes,
		   uint32_t type)
{
	_cleanup_(nft_raw_set_release) struct nft_raw_set s = { 0 };
	struct nftnl_expr *e = nft_add_expr(&x->w, "lookup");
	uint32_t flags = NFT_SET_ANONYMOUS | NFT_SET_CONSTANT;
	bool ranges = false;
	int err;

	if (!e)
		return -ENOMEM;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, "__set%d");
	if (v->negated)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS,
				   NFT_LOOKUP_F_INV);
	for (size_t i = 0; i < v->s.n; i++)
		ranges |= !key_range_is_single(&v->s.v[i]);
	flags |= ranges ? NFT_SET_INTERVAL : 0;
	err = put_u32(&s.set, NFTA_SET_FLAGS, flags);
	if (!err)
		err = put_u32(&s.set, NFTA_SET_KEY_TYPE, type);
	if (!err)
		err = put_u32(&s.set, NFTA_SET_KEY_LEN, (uint32_t)bytes);
	if (!err)
		err = nft_native_big_endian(&s.set);
	if (!err)
		err = put_members(&s.elems, &v->s, bytes, ranges);
	return err ? err : nft_raw_add_set(x->to, &s);
}

int nft_native_among(const struct spans *s, size_t bytes, uint32_t type,
		     struct nft_raw *to)
{
	_cleanup_(nft_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	struct asking x = { .to = to, .w.rule = rule };
	const struct nft_side v = { .s = *s };
	int err = 0;

	if (!rule)
		return -ENOMEM;
	if (s->n == 1)
		put_range(&x, &s->v[0], bytes, false);
	else
		err = put_set(&x, &v, bytes, type);
	return err ? err : nft_native_flush(&x.w, to);
}

static int ask_dim(struct asking *x, struct arena *a, const struct dim_row *row)
{
	size_t bytes = zone_bytes(x->x->r->zone.family, row->dim);
	uint32_t type = row->type;
	struct nft_side v;
	int err;

	if (!is_asked(x->x, row->dim))
		return 0;
	err = nft_side_shorter(a, x->x->r, row->dim, &v);
	if (err)
		return err;
	if (x->af == AF_INET6 && !row->v6_too)
		type = row->dim == ZONE_ICMP ? TYPE_ICMP6 : TYPE_ADDR6;
	x->alone |= !row->v6_too;
	load(x, row->dim);
	if (v.s.n != 1)
		return put_set(x, &v, bytes, type);
	put_range(x, &v.s.v[0], bytes, v.negated);
	return 0;
}

/* What is asked of a header is asked of that protocol alone; 0: of any. */
static uint8_t header_of(const struct nft_native_asked *x)
{
	if (x->r->asks & (ASK_SYN | ASK_NOT_SYN | ASK_FLAGS))
		return IPPROTO_TCP;
	if (x->r->asks & (ASK_PEER | ASK_FLOW))
		return IPPROTO_UDP;
	if (is_asked(x, ZONE_ICMP))
		return x->r->zone.family == NFPROTO_IPV4 ? IPPROTO_ICMP :
							   IPPROTO_ICMPV6;
	return 0;
}

static void put_byte(struct asking *x, uint32_t op, uint8_t value)
{
	nft_put_cmp(&x->w, op, &value, sizeof(value));
}

static void put_flags(struct asking *x, uint8_t mask, uint32_t op,
		      uint8_t value)
{
	nft_put_payload(&x->w, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1, NFT_REG_1);
	nft_put_mask(&x->w, &mask, sizeof(mask));
	put_byte(x, op, value);
}

static void put_socket(struct asking *x, uint32_t key, uint8_t value)
{
	struct nftnl_expr *e = nft_add_expr(&x->w, "socket");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_SOCKET_DREG, NFT_REG_1);
	put_byte(x, NFT_CMP_EQ, value);
}

static void put_peer(struct asking *x, bool flows)
{
	const char *set = nft_native_set(x->x->r->zone.family, flows);
	struct nftnl_expr *e;

	nft_native_key(&x->w, x->af, flows, true);
	e = nft_add_expr(&x->w, "lookup");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set ? set : "");
	x->alone = true;
}

static void ask_rest(struct asking *x)
{
	const struct stateless_rule *r = x->x->r;

	if (r->asks & ASK_FRAGMENT) {
		nft_put_fragment(&x->w, x->af);
		x->alone = true;
	}
	if (r->asks & ASK_FLAGS)
		put_flags(x, r->mask, NFT_CMP_EQ, r->flags);
	if (r->asks & (ASK_SYN | ASK_NOT_SYN))
		put_flags(x, 0x17, r->asks & ASK_SYN ? NFT_CMP_EQ :
						       NFT_CMP_NEQ, 0x02);
	if (r->asks & (ASK_PEER | ASK_FLOW))
		put_peer(x, r->asks & ASK_FLOW);
	if (r->asks & ASK_SOCKET)
		put_socket(x, NFT_SOCKET_WILDCARD, 0);
	if (r->asks & ASK_LISTENER)
		put_socket(x, NFT_SOCKET_WILDCARD, 1);
	if (r->asks & ASK_LOCAL)
		put_socket(x, NFT_SOCKET_TRANSPARENT, 0);
	/* whoever is answered is known for as long again */
	if (r->asks & (ASK_PEER | ASK_FLOW))
		nft_native_note(&x->w, r->zone.family, r->asks & ASK_FLOW,
				true);
}

int nft_native_match(const struct nft_native_asked *asked, size_t way,
		     struct nft_raw *to, bool *ret_alone)
{
	_cleanup_(arena_release) struct arena a = { 0 };
	_cleanup_(nft_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	struct asking x = { .x = asked, .to = to, .w.rule = rule };
	int err;

	if (!rule)
		return -ENOMEM;
	x.af = asked->r->zone.family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	err = ask_names(&x, &a, ZONE_IIF, NFT_META_IIFNAME, &way);
	if (!err)
		err = ask_names(&x, &a, ZONE_OIF, NFT_META_OIFNAME, &way);
	if (!err && header_of(asked)) {
		nft_put_meta(&x.w, NFT_META_L4PROTO, NFT_REG_1);
		put_byte(&x, NFT_CMP_EQ, header_of(asked));
	}
	for (size_t i = 0; !err && i < ARRAY_SIZE(dims); i++)
		if (dims[i].dim != ZONE_PROTO || !header_of(asked))
			err = ask_dim(&x, &a, &dims[i]);
	if (err)
		return err;
	ask_rest(&x);
	*ret_alone = x.alone;
	return nft_native_flush(&x.w, to);
}
