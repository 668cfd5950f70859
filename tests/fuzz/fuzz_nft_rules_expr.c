/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_nft_rules_expr.c: expressions, alone and as rules have them.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "core/mem.h"
#include "tests/fuzz/fuzz_nft_rules.h"

enum kind { END, U8, U16, U32, U64, STRING, REGISTER, VALUE, VALUE_OR_VERDICT,
	    BLOB, SET_NAME, COUNTER };

#define MAX_ATTRS 8

/* `max`: numbers that mean something. */
struct attr {
	uint16_t nr;
	enum kind kind;
	uint32_t max;
};

static const struct shape {
	const char *name;
	struct attr attr[MAX_ATTRS];
} shapes[] = {
	{ "meta", { { 2, U32, 33 }, { 1, REGISTER, 0 } } },
	{ "cmp", { { 1, REGISTER, 0 }, { 2, U32, 5 }, { 3, VALUE, 0 } } },
	{ "payload", { { 1, REGISTER, 0 }, { 2, U32, 4 }, { 3, U32, 40 },
		       { 4, U32, 16 } } },
	{ "ct", { { 2, U32, 25 }, { 1, REGISTER, 0 } } },
	{ "lookup", { { 1, SET_NAME, 0 }, { 2, REGISTER, 0 },
		      { 5, U32, 1 } } },
	{ "bitwise", { { 1, REGISTER, 0 }, { 2, REGISTER, 0 }, { 3, U32, 16 },
		       { 6, U32, 0 }, { 4, VALUE, 0 }, { 5, VALUE, 0 } } },
	{ "immediate", { { 1, REGISTER, 0 }, { 2, VALUE_OR_VERDICT, 0 } } },
	{ "notrack", { { 0, END, 0 } } },
	{ "fib", { { 1, REGISTER, 0 }, { 2, U32, 3 }, { 3, U32, 63 } } },
	{ "socket", { { 1, U32, 3 }, { 2, REGISTER, 0 }, { 3, U32, 3 } } },
	{ "exthdr", { { 1, REGISTER, 0 }, { 2, U8, 60 }, { 3, U32, 8 },
		      { 4, U32, 8 }, { 5, U32, 1 }, { 6, U32, 4 } } },
	{ "range", { { 1, REGISTER, 0 }, { 2, U32, 1 }, { 3, VALUE, 0 },
		     { 4, VALUE, 0 } } },
	{ "byteorder", { { 1, REGISTER, 0 }, { 2, REGISTER, 0 }, { 3, U32, 1 },
			 { 4, U32, 8 }, { 5, U32, 8 } } },
	{ "lookup", { { 1, SET_NAME, 0 }, { 2, REGISTER, 0 },
		      { 3, REGISTER, 0 }, { 5, U32, 1 } } },
	{ "counter", { { 1, U64, 9 }, { 2, U64, 9 } } },
	{ "limit", { { 1, U64, 9 }, { 2, U64, 99 }, { 3, U32, 9 },
		     { 4, U32, 1 }, { 5, U32, 1 } } },
	{ "log", { { 2, STRING, 0 }, { 1, U16, 9 } } },
	{ "reject", { { 1, U32, 2 }, { 2, U8, 4 } } },
	{ "nat", { { 1, U32, 1 }, { 2, U32, 10 }, { 3, REGISTER, 0 },
		   { 4, REGISTER, 0 }, { 5, REGISTER, 0 } } },
	{ "masq", { { 1, U32, 15 } } },
	{ "redir", { { 1, REGISTER, 0 }, { 2, REGISTER, 0 }, { 3, U32, 7 } } },
	{ "objref", { { 1, U32, 9 }, { 2, STRING, 0 } } },
	{ "objref", { { 3, REGISTER, 0 }, { 4, SET_NAME, 0 } } },
	{ "dynset", { { 1, SET_NAME, 0 }, { 4, REGISTER, 0 }, { 3, U32, 2 },
		      { 6, U64, 9 }, { 7, COUNTER, 0 }, { 9, U32, 3 } } },
	{ "connlimit", { { 1, U32, 9 }, { 2, U32, 1 } } },
	{ "quota", { { 1, U64, 9 }, { 2, U32, 3 } } },
	{ "hash", { { 1, REGISTER, 0 }, { 2, REGISTER, 0 }, { 3, U32, 16 },
		    { 4, U32, 9 }, { 7, U32, 1 } } },
	{ "numgen", { { 1, REGISTER, 0 }, { 2, U32, 9 }, { 3, U32, 1 } } },
	{ "rt", { { 1, REGISTER, 0 }, { 2, U32, 5 } } },
	{ "queue", { { 1, U16, 9 }, { 2, U16, 9 }, { 3, U16, 3 } } },
	{ "tproxy", { { 1, U32, 10 }, { 2, REGISTER, 0 }, { 3, REGISTER, 0 } } },
	{ "synproxy", { { 1, U16, 9 }, { 2, U8, 9 }, { 3, U32, 63 } } },
	{ "fwd", { { 1, REGISTER, 0 } } },
	{ "dup", { { 1, REGISTER, 0 }, { 2, REGISTER, 0 } } },
	{ "flow_offload", { { 1, STRING, 0 } } },
	{ "osf", { { 1, REGISTER, 0 }, { 2, U8, 2 }, { 3, U32, 1 } } },
	{ "xfrm", { { 1, REGISTER, 0 }, { 2, U32, 7 }, { 3, U8, 2 },
		    { 4, U32, 2 } } },
	{ "tunnel", { { 1, U32, 2 }, { 2, REGISTER, 0 } } },
	{ "meta", { { 2, U32, 33 }, { 3, REGISTER, 0 } } },
	{ "ct", { { 2, U32, 25 }, { 4, REGISTER, 0 } } },
	{ "ct", { { 2, U32, 25 }, { 1, REGISTER, 0 }, { 3, U8, 1 } } },
	{ "payload", { { 5, REGISTER, 0 }, { 2, U32, 4 }, { 3, U32, 40 },
		       { 4, U32, 16 }, { 6, U32, 1 }, { 7, U32, 40 } } },
	{ "oracle", { { 1, U32, 9 }, { 2, BLOB, 0 } } },
};

/* What ctpolicy and nft write: numbers of each attribute, then of the value. */
static const struct phrase {
	const char *name;
	uint32_t v[4];
	uint8_t value[4], n;
	bool ends;			/* the phrase */
} phrases[] = {
	{ "meta", { NFT_META_L4PROTO, 1 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 6 }, 1, true },
	{ "meta", { NFT_META_L4PROTO, 1 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 17 }, 1, true },
	{ "meta", { NFT_META_L4PROTO, 1 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 1 }, 1, true },
	{ "meta", { NFT_META_NFPROTO, 1 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { NFPROTO_IPV4 }, 1, true },
	{ "payload", { 1, 2, 2, 2 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 0, 80 }, 2, true },
	{ "payload", { 1, 2, 0, 2 }, { 0 }, 0, false },
	{ "cmp", { 1, 5 }, { 4, 0 }, 2, false },
	{ "cmp", { 1, 3 }, { 8, 0 }, 2, true },
	{ "payload", { 1, 1, 12, 4 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 192, 0, 2, 1 }, 4, true },
	{ "payload", { 1, 2, 2, 2 }, { 0 }, 0, false },
	{ "payload", { 9, 1, 12, 4 }, { 0 }, 0, false },
	{ "lookup", { 0, 1, 0 }, { 0 }, 0, true },
	{ "meta", { NFT_META_IIFNAME, 1 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 'l', 'o' }, 16, true },
	{ "fib", { 1, 3, 2 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 2 }, 4, true },
	{ "fib", { 1, 3, 1 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 2 }, 4, true },
	{ "ct", { 0, 1 }, { 0 }, 0, false },
	{ "bitwise", { 1, 1, 4, 0 }, { 64 }, 4, false },
	{ "cmp", { 1, 1 }, { 0 }, 4, true },
	{ "socket", { 2, 1, 0 }, { 0 }, 0, false },
	{ "cmp", { 1, 0 }, { 0 }, 1, true },
	{ "payload", { 1, 2, 13, 1 }, { 0 }, 0, false },
	{ "bitwise", { 1, 1, 1, 0 }, { 23 }, 1, false },
	{ "cmp", { 1, 1 }, { 2 }, 1, true },
	{ "payload", { 1, 1, 6, 2 }, { 0 }, 0, false },
	{ "bitwise", { 1, 1, 2, 0 }, { 31, 255 }, 2, false },
	{ "cmp", { 1, 1 }, { 0 }, 2, true },
};

const char *fuzz_nft_set_name(struct fuzz_input *in)
{
	static const char *const names[FUZZ_SETS] = {
		"p", "ctpolicy-a", "__set0", "m",
	};

	return names[fuzz_take(in) % FUZZ_SETS];
}

const char *fuzz_nft_chain_name(struct fuzz_input *in)
{
	static const char *const names[] = {
		"prerouting", "output", "ctpolicy-input", "input", "INPUT",
		"CTPOLICY-INPUT", "other", "__chain0",
	};

	return names[fuzz_take(in) % ARRAY_SIZE(names)];
}

/* Mostly one that means something, at times any. */
static uint32_t number(struct fuzz_input *in, uint32_t max)
{
	uint8_t b = fuzz_take(in);
	uint32_t any;

	if (b < 248)
		return b % (max + 1);
	fuzz_fill(in, &any, sizeof(any));
	return any;
}

static uint32_t reg(struct fuzz_input *in)
{
	uint8_t b = fuzz_take(in) % 32;

	return b < 16 ? b % 5 : b - 8;
}

void fuzz_nft_verdict(struct fuzz_input *in, struct nlmsghdr *nlh,
		      uint16_t nest)
{
	static const int32_t codes[] = { NF_ACCEPT, NF_DROP, NFT_JUMP, NFT_GOTO,
					 NFT_RETURN, NFT_CONTINUE, NF_QUEUE };
	int32_t code = codes[fuzz_take(in) % ARRAY_SIZE(codes)];
	struct nlattr *v = mnl_attr_nest_start(nlh, nest);

	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl((uint32_t)code));
	if (code == NFT_JUMP || code == NFT_GOTO)
		mnl_attr_put_strz(nlh, NFTA_VERDICT_CHAIN,
				  fuzz_nft_chain_name(in));
	mnl_attr_nest_end(nlh, v);
}

static void put_value(struct fuzz_input *in, struct nlmsghdr *nlh, uint16_t nr,
		      const struct phrase *like)
{
	static const uint8_t sizes[] = { 4, 1, 2, 16, 8, 20, 64 };
	struct nlattr *nest = mnl_attr_nest_start(nlh, nr);
	uint8_t value[64] = { 0 };
	size_t n = like ? like->n : sizes[fuzz_take(in) % ARRAY_SIZE(sizes)];

	if (like)
		memcpy(value, like->value, sizeof(like->value));
	else
		fuzz_fill(in, value, n);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, n, value);
	mnl_attr_nest_end(nlh, nest);
}

static void put_verdict_or_value(struct fuzz_input *in, struct nlmsghdr *nlh,
				 uint16_t nr)
{
	struct nlattr *nest;

	if (fuzz_take(in) % 4) {
		nest = mnl_attr_nest_start(nlh, nr);
		fuzz_nft_verdict(in, nlh, NFTA_DATA_VERDICT);
		mnl_attr_nest_end(nlh, nest);
	} else {
		put_value(in, nlh, nr, NULL);
	}
}

static void put_number(struct nlmsghdr *nlh, const struct attr *a, uint32_t n)
{
	if (a->kind == U8)
		mnl_attr_put_u8(nlh, a->nr, (uint8_t)n);
	else if (a->kind == U16)
		mnl_attr_put_u16(nlh, a->nr, htons((uint16_t)n));
	else if (a->kind == U64)
		mnl_attr_put_u64(nlh, a->nr, htobe64(n));
	else
		mnl_attr_put_u32(nlh, a->nr, htonl(n));
}

static void put_blob(struct fuzz_input *in, struct nlmsghdr *nlh, uint16_t nr)
{
	uint8_t blob[32];

	fuzz_fill(in, blob, sizeof(blob));
	mnl_attr_put(nlh, nr, sizeof(blob), blob);
}

/* Of a phrase, bits are masked and never flipped. */
static void put_value_like(struct fuzz_input *in, struct nlmsghdr *nlh,
			   uint16_t nr, const struct phrase *like)
{
	struct phrase zero = { .n = like ? like->n : 0 };

	put_value(in, nlh, nr, like && nr == NFTA_BITWISE_XOR ? &zero : like);
}

static void put_attr(struct fuzz_input *in, struct nlmsghdr *nlh,
		     const struct attr *a, const struct phrase *like,
		     uint32_t preset)
{
	if (a->kind == STRING)
		mnl_attr_put_strz(nlh, a->nr, fuzz_nft_chain_name(in));
	else if (a->kind == SET_NAME)
		mnl_attr_put_strz(nlh, a->nr, fuzz_nft_set_name(in));
	else if (a->kind == BLOB)
		put_blob(in, nlh, a->nr);
	else if (a->kind == VALUE)
		put_value_like(in, nlh, a->nr, like);
	else if (a->kind == VALUE_OR_VERDICT)
		put_verdict_or_value(in, nlh, a->nr);
	else if (a->kind == COUNTER)
		fuzz_nft_expr(in, nlh, a->nr);
	else if (a->kind == REGISTER)
		mnl_attr_put_u32(nlh, a->nr, htonl(like ? preset : reg(in)));
	else
		put_number(nlh, a, like ? preset : number(in, a->max));
}

static void put(struct fuzz_input *in, struct nlmsghdr *nlh, uint16_t nest,
		const struct shape *s, const struct phrase *like)
{
	struct nlattr *one = mnl_attr_nest_start(nlh, nest), *data;

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, s->name);
	data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	for (size_t i = 0; i < MAX_ATTRS && s->attr[i].kind != END; i++)
		put_attr(in, nlh, &s->attr[i], like,
			 like && i < ARRAY_SIZE(like->v) ? like->v[i] : 0);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, one);
}

static const struct shape *shape_of(const char *name)
{
	const struct shape *s = shapes;

	while (strcmp(s->name, name))
		s++;
	return s;
}

/* What may hang on a set, or an element: nothing that reads registers. */
void fuzz_nft_expr(struct fuzz_input *in, struct nlmsghdr *nlh, uint16_t nest)
{
	static const char *const names[] = { "counter", "limit", "connlimit",
					     "quota" };

	put(in, nlh, nest, shape_of(names[fuzz_take(in) % ARRAY_SIZE(names)]),
	    NULL);
}

/* From the beginning of a phrase to its end; a number may go astray. */
static void put_phrase(struct fuzz_input *in, struct nlmsghdr *nlh)
{
	size_t i = fuzz_take(in) % ARRAY_SIZE(phrases);

	while (i && !phrases[i - 1].ends)
		i--;
	do {
		struct phrase p = phrases[i];
		uint8_t astray = fuzz_take(in);

		if (astray >= 224)
			p.v[astray % 4] = fuzz_take(in);
		else if (astray >= 192)
			p.value[astray % 4] = fuzz_take(in);
		put(in, nlh, NFTA_LIST_ELEM, shape_of(p.name), &p);
	} while (!phrases[i++].ends);
}

void fuzz_nft_exprs(struct fuzz_input *in, struct nlmsghdr *nlh)
{
	uint8_t n = fuzz_take(in) % 8;

	for (uint8_t i = 0; i < n; i++) {
		uint8_t b = fuzz_take(in);

		if (b < 128)
			put_phrase(in, nlh);
		else
			put(in, nlh, NFTA_LIST_ELEM,
			    &shapes[b % ARRAY_SIZE(shapes)], NULL);
	}
	if (fuzz_take(in) % 2)
		put(in, nlh, NFTA_LIST_ELEM, shape_of(fuzz_take(in) % 2 ?
			"notrack" : "immediate"), NULL);
}
