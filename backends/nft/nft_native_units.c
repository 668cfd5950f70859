/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_native_units.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "core/mem.h"

/* linux/if_ether.h's neighbours: where ip and ip6 name the protocol */
#define AT_PROTOCOL 9		/* offsetof(struct iphdr, protocol) */
#define AT_NEXTHDR 6		/* offsetof(struct ip6_hdr, ip6_nxt) */

void nft_units_release(struct nft_units *u)
{
	free(u->v);
	*u = (struct nft_units){ 0 };
}

bool nft_expr_read(const struct nlattr *a, struct nft_expr *ret)
{
	const struct nlattr *data = NULL;

	memset(ret, 0, sizeof(*ret));
	ret->name = nft_expr_name(a, &data);
	return ret->name &&
	       (!data || !nft_nest_attrs(data, ret->v, NFT_EXPR_ATTRS));
}

bool nft_expr_is(const struct nft_expr *e, const char *name)
{
	return !strcmp(e->name, name);
}

static void allow(struct nft_protos *p, unsigned int first, unsigned int last)
{
	for (unsigned int i = first; i <= last && i < 256; i++)
		p->bits[i / 64] |= UINT64_C(1) << i % 64;
}

static void invert(struct nft_protos *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(p->bits); i++)
		p->bits[i] = ~p->bits[i];
}

int nft_protos_only(const struct nft_protos *p, uint8_t *ret)
{
	unsigned int n = 0;

	*ret = 0;
	for (unsigned int i = 0; i < 256; i++)
		if (p->bits[i / 64] >> i % 64 & 1) {
			*ret = (uint8_t)i;
			n++;
		}
	if (n != 1)
		*ret = 0;
	return n ? 0 : -ENOENT;
}

/* The first byte of a value; false: there is none. */
static bool first_of(const struct nlattr *nest, size_t *ret_len, uint8_t *ret)
{
	const struct nlattr *v[NFTA_DATA_VALUE + 1];

	if (!nest || nft_nest_attrs(nest, v, NFTA_DATA_VALUE) ||
	    !v[NFTA_DATA_VALUE] ||
	    !mnl_attr_get_payload_len(v[NFTA_DATA_VALUE]))
		return false;
	*ret_len = mnl_attr_get_payload_len(v[NFTA_DATA_VALUE]);
	*ret = *(const uint8_t *)mnl_attr_get_payload(v[NFTA_DATA_VALUE]);
	return true;
}

/* A value of one byte; false: it is longer. */
static bool byte_of(const struct nlattr *nest, uint8_t *ret)
{
	size_t len;

	return first_of(nest, &len, ret) && len == 1;
}

static bool read_cmp(const struct nft_expr *e, struct nft_protos *ret)
{
	uint8_t x;

	if (!byte_of(e->v[NFTA_CMP_DATA], &x))
		return false;
	switch (nft_attr_u32(e->v[NFTA_CMP_OP])) {
	case NFT_CMP_EQ:
		allow(ret, x, x);
		return true;
	case NFT_CMP_NEQ:
		allow(ret, x, x);
		invert(ret);
		return true;
	case NFT_CMP_LTE:
		allow(ret, 0, x);
		return true;
	case NFT_CMP_GTE:
		allow(ret, x, 255);
		return true;
	default:
		return false;
	}
}

static bool read_range(const struct nft_expr *e, struct nft_protos *ret)
{
	uint8_t from, to;

	if (!byte_of(e->v[NFTA_RANGE_FROM_DATA], &from) ||
	    !byte_of(e->v[NFTA_RANGE_TO_DATA], &to))
		return false;
	allow(ret, from, to);
	if (nft_attr_u32(e->v[NFTA_RANGE_OP]) == NFT_RANGE_NEQ)
		invert(ret);
	return true;
}

static bool is_interval(const struct nft_raw_set *s)
{
	const struct nlattr *a;

	nft_for_each_bytes(a, &s->set)
		if (mnl_attr_get_type(a) == NFTA_SET_FLAGS)
			return nft_attr_u32(a) & NFT_SET_INTERVAL;
	return false;
}

/* Of intervals, where each begins, and (inverted) where it ends. */
static bool read_members(const struct nft_raw_set *s, struct nft_protos *ret)
{
	bool edge[256] = { 0 }, in = false, ranges = is_interval(s);
	const struct nlattr *v[NFTA_SET_ELEM_FLAGS + 1], *a;
	uint8_t x;

	nft_for_each_bytes(a, &s->elems) {
		bool end;

		if (nft_nest_attrs(a, v, NFTA_SET_ELEM_FLAGS) ||
		    !byte_of(v[NFTA_SET_ELEM_KEY], &x))
			return false;
		end = nft_attr_u32(v[NFTA_SET_ELEM_FLAGS]) &
		      NFT_SET_ELEM_INTERVAL_END;
		if (!ranges)
			allow(ret, x, x);
		else if (!end)
			edge[x] = !edge[x];
		else if (x)
			edge[x] = !edge[x];
	}
	for (unsigned int i = 0; ranges && i < 256; i++) {
		in ^= edge[i];
		if (in)
			allow(ret, i, i);
	}
	return true;
}

static bool read_lookup(const struct nft_expr *e, const struct nft_raw_set *s,
			struct nft_protos *ret)
{
	if (!s || e->v[NFTA_LOOKUP_DREG] || !read_members(s, ret))
		return false;
	if (nft_attr_u32(e->v[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV)
		invert(ret);
	return true;
}

static bool read_test(const struct nft_expr *e, const struct nft_raw_set *s,
		      struct nft_protos *ret)
{
	*ret = (struct nft_protos){ 0 };
	return nft_expr_is(e, "cmp")    ? read_cmp(e, ret) :
	       nft_expr_is(e, "range")  ? read_range(e, ret) :
	       nft_expr_is(e, "lookup") ? read_lookup(e, s, ret) : false;
}

/* What is loaded, where it is a protocol or the family. */
static enum nft_unit_asks asks_for(const struct nft_expr *e)
{
	uint32_t key = nft_attr_u32(e->v[NFTA_META_KEY]);
	uint32_t at = nft_attr_u32(e->v[NFTA_PAYLOAD_OFFSET]);

	if (nft_expr_is(e, "meta") && !e->v[NFTA_META_SREG])
		return key == NFT_META_L4PROTO ? UNIT_PROTO :
		       key == NFT_META_NFPROTO ? UNIT_FAMILY : UNIT_OTHER;
	if (!nft_expr_is(e, "payload") ||
	    nft_attr_u32(e->v[NFTA_PAYLOAD_BASE]) !=
		    NFT_PAYLOAD_NETWORK_HEADER ||
	    nft_attr_u32(e->v[NFTA_PAYLOAD_LEN]) != 1)
		return UNIT_OTHER;
	return at == AT_PROTOCOL ? UNIT_PROTO :
	       at == AT_NEXTHDR ? UNIT_NEXTHDR : UNIT_OTHER;
}

/* A unit that is being read. */
struct reading {
	const struct nft_raw *rule;
	struct nft_units *to;
	struct nft_unit unit;
	bool open;			/* loads, and no test yet */
	size_t sets;
};

static void note_headers(const struct nft_expr *e, struct nft_unit *u)
{
	uint32_t base = nft_attr_u32(e->v[NFTA_PAYLOAD_BASE]);
	bool payload = nft_expr_is(e, "payload"), ext = nft_expr_is(e, "exthdr");
	uint32_t op = nft_attr_u32(e->v[NFTA_EXTHDR_OP]);

	u->network |= (payload && base == NFT_PAYLOAD_NETWORK_HEADER) ||
		      (ext && (op == NFT_EXTHDR_OP_IPV6 ||
			       op == NFT_EXTHDR_OP_IPV4));
	u->extension |= ext && op == NFT_EXTHDR_OP_IPV6;
	u->option |= ext && op == NFT_EXTHDR_OP_TCPOPT;
	u->transport |= payload && base == NFT_PAYLOAD_TRANSPORT_HEADER;
}

static bool refuses_port(const struct nft_expr *e)
{
	return nft_expr_is(e, "reject") && e->v[NFTA_REJECT_ICMP_CODE] &&
	       nft_attr_u32(e->v[NFTA_REJECT_TYPE]) ==
		       NFT_REJECT_ICMPX_UNREACH &&
	       mnl_attr_get_u8(e->v[NFTA_REJECT_ICMP_CODE]) ==
		       NFT_REJECT_ICMPX_PORT_UNREACH;
}

/* A set of keys of which the first field is the protocol. */
static bool read_first(const struct nft_expr *e, const struct nft_raw_set *s,
		       struct nft_protos *ret)
{
	const struct nlattr *v[NFTA_SET_ELEM_KEY_END + 1], *a;

	*ret = (struct nft_protos){ 0 };
	if (!nft_expr_is(e, "lookup") || !s || e->v[NFTA_LOOKUP_DREG] ||
	    nft_attr_u32(e->v[NFTA_LOOKUP_FLAGS]))
		return false;
	nft_for_each_bytes(a, &s->elems) {
		uint8_t first, last;
		size_t len;

		if (nft_nest_attrs(a, v, NFTA_SET_ELEM_KEY_END) ||
		    !first_of(v[NFTA_SET_ELEM_KEY], &len, &first) || len < 2)
			return false;
		if (!first_of(v[NFTA_SET_ELEM_KEY_END], &len, &last))
			last = first;
		allow(ret, first, last);
	}
	return true;
}

/* One test of what one load gave, read as protocols or as the family. */
static void note_test(const struct nft_expr *e, const struct nft_raw_set *s,
		      struct nft_unit *u)
{
	if (u->asks == UNIT_PROTO && u->n > 2) {
		u->asks = read_first(e, s, &u->protos) ? UNIT_AMONG :
							 UNIT_OTHER;
		return;
	}
	if (u->asks == UNIT_OTHER || u->n != 2 ||
	    !read_test(e, s, &u->protos)) {
		u->asks = UNIT_OTHER;
		return;
	}
	if (u->asks != UNIT_FAMILY)
		return;
	if (!nft_expr_is(e, "cmp") ||
	    nft_attr_u32(e->v[NFTA_CMP_OP]) != NFT_CMP_EQ ||
	    !byte_of(e->v[NFTA_CMP_DATA], &u->family))
		u->asks = UNIT_OTHER;
}

/* From one value to another nft asks twice: that is one test. */
static bool joins_last(const struct reading *x, const struct nft_expr *e)
{
	struct nft_unit *u = x->to->n ? &x->to->v[x->to->n - 1] : NULL;
	struct nft_protos more;

	if (!nft_expr_is(e, "cmp") || x->open || !u || !u->tests || u->n < 2)
		return false;
	u->n++;
	if (u->asks != UNIT_PROTO && u->asks != UNIT_NEXTHDR) {
		u->asks = UNIT_OTHER;
	} else if (u->n > 3 || !read_test(e, NULL, &more)) {
		u->asks = UNIT_OTHER;
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(more.bits); i++)
			u->protos.bits[i] &= more.bits[i];
	}
	return true;
}

bool nft_expr_loads(const struct nft_expr *e)
{
	static const struct {
		const char *name;
		uint16_t sets;		/* with that it is none */
	} rows[] = {
		{ "meta", NFTA_META_SREG }, { "payload", NFTA_PAYLOAD_SREG },
		{ "exthdr", NFTA_EXTHDR_SREG }, { "fib", 0 }, { "socket", 0 },
		{ "rt", 0 }, { "osf", 0 }, { "numgen", 0 }, { "hash", 0 },
		{ "bitwise", 0 }, { "byteorder", 0 }, { "xfrm", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (nft_expr_is(e, rows[i].name))
			return !rows[i].sets || !e->v[rows[i].sets];
	return false;
}

static bool is_test(const struct nft_expr *e)
{
	return nft_expr_is(e, "cmp") || nft_expr_is(e, "range") ||
	       (nft_expr_is(e, "lookup") && !e->v[NFTA_LOOKUP_DREG]);
}

static int close_unit(struct reading *x)
{
	struct nft_units *to = x->to;

	if (mem_grow(&to->v, &to->cap, to->n + 1))
		return -ENOMEM;
	to->v[to->n++] = x->unit;
	x->open = false;
	return 0;
}

static void open_unit(struct reading *x, const struct nlattr *a)
{
	if (x->open)
		return;
	x->unit = (struct nft_unit){ .first = a, .set = x->sets };
	x->open = true;
}

static int take(struct reading *x, const struct nlattr *a)
{
	const struct nft_raw_set *s = NULL;
	struct nft_expr e;

	if (!nft_expr_read(a, &e))
		return -EOPNOTSUPP;
	if (joins_last(x, &e))
		return 0;
	open_unit(x, a);
	if (nft_expr_anonymous(a) && x->sets < x->rule->n_sets) {
		s = &x->rule->sets[x->sets++];
		x->unit.n_sets++;
	}
	if (!x->unit.n++)
		x->unit.asks = asks_for(&e);
	note_headers(&e, &x->unit);
	if (nft_expr_loads(&e))
		return 0;
	x->unit.tests = is_test(&e);
	x->unit.refuses = refuses_port(&e);
	note_test(&e, s, &x->unit);
	return close_unit(x);
}

int nft_units_of(const struct nft_raw *rule, struct nft_units *ret)
{
	_cleanup_(nft_units_release) struct nft_units to = { 0 };
	struct reading x = { .rule = rule, .to = &to };
	const struct nlattr *a;
	int err = 0;

	nft_for_each_bytes(a, &rule->exprs) {
		err = take(&x, a);
		if (err)
			return err;
	}
	if (x.open)
		err = close_unit(&x);
	if (err)
		return err;
	*ret = to;
	to = (struct nft_units){ 0 };
	return 0;
}
