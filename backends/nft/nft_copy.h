/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_copy.h: backends/copy.h, for nftables. */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_COPY_H
#define CTPOLICY_BACKENDS_NFT_NFT_COPY_H

#include "backends/copy.h"
#include "backends/nft/nft_kernel.h"

/* nft_place.c */
int nft_place_of(struct backend_ctx *ctx, const struct rule_handle *h,
		 uint32_t *ret);
extern const struct rules_copier nft_copier;

#endif
