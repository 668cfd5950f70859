/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_reader.h: expressions of a rule of iptables-nft, one
 * after the other, as the arguments that iptables would show.
 *
 * Errors: `err`: -ENOMEM; `unknown`: iptables would not show it, or otherwise.
 * Source: iptables/nft-shared.c of iptables 1.8.9
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_COMPAT_READER_H
#define CTPOLICY_BACKENDS_NFT_NFT_COMPAT_READER_H

#include <stdio.h>		/* libnftnl/expr.h takes it for granted */

#include <libnftnl/expr.h>

#include "backends/xtables/ipt_args.h"

enum nft_source { NOTHING, META, NETWORK, TRANSPORT, ONE };

struct nft_reading {
	uint8_t family;
	struct ipt_args a;
	/* what the register holds */
	enum nft_source from;
	uint32_t reg, key, len;	/* meta key, or the header's offset */
	uint8_t mask[16];
	bool masked;
	uint8_t proto;
	bool commented;
	bool ended;			/* there was a verdict */
	bool unknown;
	int err;
};

void nft_compat_say(struct nft_reading *r, const char *word);
void nft_compat_say_number(struct nft_reading *r, uint32_t n);
void nft_compat_say_option(struct nft_reading *r, const char *name,
			   bool negated);

/* nft_compat_test.c: what is asked of the register, and of the clock */
void nft_compat_read_cmp(struct nft_reading *r, const struct nftnl_expr *e);
void nft_compat_read_range(struct nft_reading *r, const struct nftnl_expr *e);
void nft_compat_read_limit(struct nft_reading *r, const struct nftnl_expr *e);

#endif
