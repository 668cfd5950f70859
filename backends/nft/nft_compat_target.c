/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_compat_target.h"

#include <libnftnl/expr.h>
#include <linux/netfilter/nf_tables.h>

#include "backends/nft/nft_compat_reader.h"

static void say_option(struct nft_reading *r, const char *name, uint32_t n)
{
	nft_compat_say(r, name);
	nft_compat_say_number(r, n);
}

/* -j NFLOG; without a group it is a log of nft's, of which LOG is none. */
void nft_compat_read_log(struct nft_reading *r, const struct nftnl_expr *e)
{
	const char *prefix = nftnl_expr_get_str(e, NFTNL_EXPR_LOG_PREFIX);
	uint32_t group = nftnl_expr_get_u16(e, NFTNL_EXPR_LOG_GROUP);
	uint32_t size = nftnl_expr_get_u32(e, NFTNL_EXPR_LOG_SNAPLEN);
	uint32_t after = nftnl_expr_get_u16(e, NFTNL_EXPR_LOG_QTHRESHOLD);

	if (!nftnl_expr_is_set(e, NFTNL_EXPR_LOG_GROUP)) {
		r->unknown = true;
		return;
	}
	nft_compat_say(r, "-j");
	nft_compat_say(r, "NFLOG");
	if (prefix && *prefix) {
		nft_compat_say(r, "--nflog-prefix");
		nft_compat_say(r, prefix);
	}
	if (group)
		say_option(r, "--nflog-group", group);
	if (size)
		say_option(r, "--nflog-size", size);
	/* xt_NFLOG takes 0 for 1, and shows neither */
	if (after > 1)
		say_option(r, "--nflog-threshold", after);
	r->ended = true;
}

/* The first half of -j TRACE: a register is 1. */
bool nft_compat_read_one(struct nft_reading *r, const struct nftnl_expr *e)
{
	uint32_t len = 0;
	const uint8_t *data = nftnl_expr_get(e, NFTNL_EXPR_IMM_DATA, &len);

	if (!data || !len || *data != 1)
		return false;
	r->from = ONE;
	r->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG);
	return true;
}

void nft_compat_read_set_meta(struct nft_reading *r,
			      const struct nftnl_expr *e)
{
	if (nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY) != NFT_META_NFTRACE ||
	    r->from != ONE ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_META_SREG) != r->reg) {
		r->unknown = true;
		return;
	}
	nft_compat_say(r, "-j");
	nft_compat_say(r, "TRACE");
	r->ended = true;
}

/* As a blob the kernel has it in raw tables alone. */
void nft_compat_put_trace(struct nft_writer *w)
{
	const uint32_t one = 1;
	struct nftnl_expr *e = nft_add_expr(w, "immediate");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG32_01);
	nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &one, sizeof(one));
	e = nft_add_expr(w, "meta");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_NFTRACE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG32_01);
}
