/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_chains.h: the kernel's chains, and the rules of all of them.
 *
 * In a listing of all rules the kernel counts from the first one again for each
 * message of 32 KiB: n rules take n squared. Where that is more than a question
 * for each chain, the chains are asked for one by one.
 *
 * Shape:  in the order of the dump, which is that of the rules' dump, too.
 * Owner:  nft_chains_release(); names are interned.
 * Errors: -ENOMEM; -EINVAL for a malformed message; -errno of a dump.
 * Source: __nf_tables_dump_rules() in the kernel's
 *         net/netfilter/nf_tables_api.c.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_CHAINS_H
#define CTPOLICY_BACKENDS_NFT_NFT_CHAINS_H

#include "backends/nft/nft_kernel.h"

struct nft_chains {
	struct nft_chain_name {
		uint8_t family;
		const char *table, *chain;
	} *v;
	size_t n, cap;
	uint64_t rules;		/* of all, and jumps to them: not less */
	bool keeps;		/* the next reader has them, too: nft_kept.h */
};

/* Note the chain of a dump's message. */
int nft_chains_add(struct nft_chains *c, const struct nlmsghdr *nlh);
/* The rules of these chains; it may be that of others, too. */
int nft_chains_dump_rules(struct backend_ctx *ctx, const struct nft_chains *c,
			  int (*cb)(const struct nlmsghdr *nlh, void *arg),
			  void *arg);
void nft_chains_release(struct nft_chains *c);

#endif
