/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_native_merge.c: fields that follow each other as one.
 *
 * nft compares both ports in one go, when each is to be one number, and so the
 * type and the code of ICMP: where the first of the two is asked for.
 *
 * Source: stmt_reduce() in nft's src/rule.c, and what `nft --debug=netlink` of
 *         1.0.6 shows.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_native.h"
#include "backends/nft/nft_native_units.h"
#include "core/mem.h"

/* A field of the transport header that must be this value. */
struct field {
	const struct nlattr *load, *test;
	uint32_t offset, len;
	const uint8_t *value;
};

static bool is_load(const struct nlattr *a, struct field *f)
{
	struct nft_expr e;

	if (!nft_expr_read(a, &e) || !nft_expr_is(&e, "payload") ||
	    nft_attr_u32(e.v[NFTA_PAYLOAD_BASE]) !=
		    NFT_PAYLOAD_TRANSPORT_HEADER ||
	    nft_attr_u32(e.v[NFTA_PAYLOAD_DREG]) != NFT_REG_1)
		return false;
	f->load = a;
	f->offset = nft_attr_u32(e.v[NFTA_PAYLOAD_OFFSET]);
	f->len = nft_attr_u32(e.v[NFTA_PAYLOAD_LEN]);
	return true;
}

static bool is_test(const struct nlattr *a, struct field *f)
{
	const struct nlattr *v[NFTA_DATA_VALUE + 1];
	struct nft_expr e;

	if (!nft_expr_read(a, &e) || !nft_expr_is(&e, "cmp") ||
	    nft_attr_u32(e.v[NFTA_CMP_OP]) != NFT_CMP_EQ ||
	    nft_attr_u32(e.v[NFTA_CMP_SREG]) != NFT_REG_1 ||
	    !e.v[NFTA_CMP_DATA] ||
	    nft_nest_attrs(e.v[NFTA_CMP_DATA], v, NFTA_DATA_VALUE) ||
	    !v[NFTA_DATA_VALUE] ||
	    mnl_attr_get_payload_len(v[NFTA_DATA_VALUE]) != f->len)
		return false;
	f->test = a;
	f->value = mnl_attr_get_payload(v[NFTA_DATA_VALUE]);
	return true;
}

/* The one at this offset; or (`behind` NULL) any that another one follows. */
static bool find(const struct nft_raw *r, const struct field *behind,
		 struct field *ret)
{
	struct field f = { 0 };
	const struct nlattr *a;

	nft_for_each_bytes(a, &r->exprs) {
		if (f.load && is_test(a, &f) &&
		    (behind ? f.offset == behind->offset + behind->len :
			      find(r, &f, ret))) {
			*ret = f;
			return true;
		}
		if (!is_load(a, &f))
			f.load = NULL;
	}
	return false;
}

static int put_both(const struct field *first, const struct field *second,
		    struct nft_raw *to)
{
	_cleanup_(nft_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nft_writer w = { .rule = rule };
	uint8_t both[2 * sizeof(uint64_t)];

	if (!rule)
		return -ENOMEM;
	memcpy(both, first->value, first->len);
	memcpy(both + first->len, second->value, second->len);
	nft_put_payload(&w, NFT_PAYLOAD_TRANSPORT_HEADER, first->offset,
			first->len + second->len, NFT_REG_1);
	nft_put_cmp(&w, NFT_CMP_EQ, both, first->len + second->len);
	return nft_native_flush(&w, to);
}

int nft_native_merge(struct nft_raw *r)
{
	_cleanup_(nft_raw_release) struct nft_raw out = { 0 };
	struct field first, second;
	const struct nlattr *a;
	int err = 0;

	if (!find(r, NULL, &first) || !find(r, &first, &second) ||
	    first.len > sizeof(uint64_t) || second.len > sizeof(uint64_t))
		return 0;
	nft_for_each_bytes(a, &r->exprs) {
		if (err)
			return err;
		if (a == first.load)
			err = put_both(&first, &second, &out);
		else if (a != first.test && a != second.load &&
			 a != second.test)
			err = nft_bytes_add(&out.exprs, a,
					    MNL_ALIGN(a->nla_len));
	}
	if (err)
		return err;
	nft_bytes_release(&r->exprs);
	r->exprs = out.exprs;
	out.exprs = (struct nft_bytes){ 0 };
	return 0;
}
