/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_put.c: expressions that all rules have alike. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>

#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_native.h"
#include "core/intern.h"
#include "core/mem.h"

void nft_rule_freep(struct nftnl_rule **r)
{
	if (*r)
		nftnl_rule_free(*r);
}

int nft_native_flush(struct nft_writer *w, struct nft_raw *to)
{
	_cleanup_free_ void *buf = calloc(1, 4 * NFT_RAW_MSG);
	const struct nlattr *v[NFTA_RULE_EXPRESSIONS + 1];
	const struct nlattr *e;
	struct nlmsghdr *nlh;
	int err;

	if (!buf || w->lost)
		return -ENOMEM;
	nlh = nft_msg_put(buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, 0,
			  0, 0);
	nftnl_rule_nlmsg_build_payload(nlh, w->rule);
	err = nft_msg_attrs(nlh, v, NFTA_RULE_EXPRESSIONS);
	e = err ? NULL : v[NFTA_RULE_EXPRESSIONS];
	return e ? nft_bytes_add(&to->exprs, mnl_attr_get_payload(e),
				 mnl_attr_get_payload_len(e)) : err;
}

void nft_native_key(struct nft_writer *w, uint8_t af, bool flows, bool answers)
{
	const enum key_part keys[] = {
		answers ? KEY_SADDR : KEY_DADDR,
		answers ? KEY_SPORT : KEY_DPORT,
		!flows ? KEY_PART_MAX_ : answers ? KEY_DADDR : KEY_SADDR,
		answers ? KEY_DPORT : KEY_SPORT,
	};
	unsigned int word = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i] != KEY_PART_MAX_)
			word += nft_put_key(w, keys[i], af,
					    nft_word_reg(word));
}

int nft_native_big_endian(struct nft_bytes *set)
{
	uint32_t order = 2;
	uint8_t u[6] = { NFT_UDATA_SET_KEYBYTEORDER, sizeof(order) };

	memcpy(u + 2, &order, sizeof(order));
	return nft_bytes_attr(set, NFTA_SET_USERDATA, u, sizeof(u));
}

static void put_family(struct nft_writer *w, uint8_t family)
{
	nft_put_meta(w, NFT_META_NFPROTO, NFT_REG_1);
	nft_put_cmp(w, NFT_CMP_EQ, &family, sizeof(family));
}

int nft_native_family(struct nft_raw *to, uint8_t family)
{
	_cleanup_(nft_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	_cleanup_(nft_bytes_release) struct nft_bytes rest = to->exprs;
	struct nft_writer w = { .rule = rule };
	int err;

	to->exprs = (struct nft_bytes){ 0 };
	if (!rule)
		return -ENOMEM;
	put_family(&w, family);
	err = nft_native_flush(&w, to);
	return err ? err : nft_bytes_add(&to->exprs, rest.v, rest.n);
}

int nft_native_verdict(struct nft_raw *to, enum foreign_verdict v,
		       const char *target)
{
	static const struct {
		enum foreign_verdict verdict;
		int code;
	} codes[] = {
		{ FOREIGN_ACCEPT, NF_ACCEPT }, { FOREIGN_DROP, NF_DROP },
		{ FOREIGN_RETURN, NFT_RETURN }, { FOREIGN_JUMP, NFT_JUMP },
		{ FOREIGN_GOTO, NFT_GOTO },
	};
	_cleanup_(nft_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nft_writer w = { .rule = rule };

	if (!rule)
		return -ENOMEM;
	if (v == FOREIGN_NONE)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].verdict == v) {
			nft_put_code(&w, codes[i].code, target);
			return nft_native_flush(&w, to);
		}
	return -EOPNOTSUPP;
}

const char *nft_native_set(uint8_t family, bool flows)
{
	return intern_printf("%s%s%d", NFT_OWN_PREFIX,
			     flows ? "flows" : "peers",
			     family == NFPROTO_IPV4 ? 4 : 6);
}

void nft_native_note(struct nft_writer *w, uint8_t family, bool flows,
		     bool answers)
{
	const char *set = nft_native_set(family, flows);
	struct nftnl_expr *e;

	nft_native_key(w, family == NFPROTO_IPV4 ? AF_INET : AF_INET6, flows,
		       answers);
	e = nft_add_expr(w, "dynset");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set ? set : "");
}
