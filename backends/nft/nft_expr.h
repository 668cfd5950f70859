/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_expr.h: a rule's expressions, one behind the other.
 *
 * Shape:  an address or port is loaded into a register first (nft_put_payload,
 *         nft_put_meta), then masked or compared; put_mask and put_cmp take
 *         NFT_REG_1.
 * Errors: none; `lost` is set when one cannot be allocated, and nothing is
 *         appended then.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_EXPR_H
#define CTPOLICY_BACKENDS_NFT_NFT_EXPR_H

#include <libnftnl/rule.h>

#include "rules/image.h"

struct nftnl_expr;

struct nft_writer {
	struct nftnl_rule *rule;
	bool lost;
};

/* NULL: lost. The rule owns it. */
struct nftnl_expr *nft_add_expr(struct nft_writer *w, const char *name);
void nft_put_meta(struct nft_writer *w, uint32_t key, uint32_t reg);
void nft_put_payload(struct nft_writer *w, uint32_t base, uint32_t offset,
		     uint32_t len, uint32_t reg);
void nft_put_cmp(struct nft_writer *w, uint32_t op, const void *data,
		 uint32_t len);
void nft_put_mask(struct nft_writer *w, const void *mask, uint32_t len);
/* How many words of registers it takes, from `reg` on. */
unsigned int nft_put_key(struct nft_writer *w, enum key_part p, uint8_t af,
			 uint32_t reg);
void nft_put_fragment(struct nft_writer *w, uint8_t af);
/* NF_DROP, NFT_RETURN; NFT_JUMP to the chain, which else is NULL. */
void nft_put_code(struct nft_writer *w, int code, const char *chain);
void nft_put_verdict(struct nft_writer *w, const struct image_rule *r);

#endif
