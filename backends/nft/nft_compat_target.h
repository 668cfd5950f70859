/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_target.h: targets of iptables-nft's that are no
 * blobs.
 *
 * Source: add_log() and the translation of TRACE in iptables/nft.c of iptables.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_COMPAT_TARGET_H
#define CTPOLICY_BACKENDS_NFT_NFT_COMPAT_TARGET_H

#include "backends/nft/nft_expr.h"

struct nft_reading;
struct nftnl_expr;

void nft_compat_read_log(struct nft_reading *r, const struct nftnl_expr *e);
/* A register that is set; false: not to what a target wants. */
bool nft_compat_read_one(struct nft_reading *r, const struct nftnl_expr *e);
void nft_compat_read_set_meta(struct nft_reading *r,
			      const struct nftnl_expr *e);
void nft_compat_put_trace(struct nft_writer *w);

#endif
