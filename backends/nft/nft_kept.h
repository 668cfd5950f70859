/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_kept.h: the rules of the longest chain, dumped once for two
 * readers.
 *
 * For each 32 KiB of a dump the kernel walks the chain from its first rule on,
 * so that a chain of 100,000 takes it seconds. A snapshot keeps the messages,
 * and who reads the host's rules at the same generation has them from here;
 * then they are gone.
 *
 * Owner:  the backend's context.
 * Errors: as of nft_dump(), -EINTR among them, and of take().
 * Source: __nf_tables_dump_rules() in the kernel's
 *         net/netfilter/nf_tables_api.c.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_KEPT_H
#define CTPOLICY_BACKENDS_NFT_NFT_KEPT_H

#include "backends/nft/nft_kernel.h"

struct nft_kept;
typedef int nft_rule_fn(const struct nlmsghdr *nlh, void *arg);

/* The rules of one chain, as nft_dump() gives them; they may be kept. */
int nft_kept_dump(struct backend_ctx *ctx, const struct nft_dump_of *what,
		  nft_rule_fn *take, void *arg);
/* The same, from what was kept if that was at this generation. */
int nft_kept_rules(struct backend_ctx *ctx, const struct nft_dump_of *what,
		   nft_rule_fn *take, void *arg);
void nft_kept_free(struct nft_kept **k);

#endif
