/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_pair.h: what stands for a rule, of both families in one.
 *
 * Shape:  the caller keeps lines of each family (0: IPv4, 1: IPv6) in order.
 *         They are merged in that order; what both say is put once.
 * Errors: what the functions return.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_PAIR_H
#define CTPOLICY_BACKENDS_NFT_NFT_PAIR_H

#include "rules/stateless.h"

struct nft_pair {
	bool both;			/* the table is of both families */
	/* Adds a line or more; `first` of those of the family. */
	int (*compose)(void *arg, size_t family,
		       const struct stateless_rule *r, bool first);
	size_t (*count)(const void *arg, size_t family);
	bool (*same)(const void *arg, size_t v4, size_t v6);
	/* ask: NFPROTO_*; 0: it is for both, or the table has but one. */
	int (*put)(void *arg, size_t family, size_t line, uint8_t ask);
};

int nft_pair_compose(const struct nft_pair *p, void *arg,
		     const struct stateless_span of[2]);

#endif
