/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_side.h: what a rule that stands for another asks of a
 * dimension, whether it becomes words or expressions.
 *
 * Shape:  the values, or all others. `known` is what a packet is that comes to
 *         the rule.
 * Owner:  borrows the zones; what is made of them is the arena's.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_SIDE_H
#define CTPOLICY_BACKENDS_NFT_NFT_SIDE_H

#include "rules/stateless.h"

struct nft_side {
	struct spans s;
	bool negated;
};

bool nft_side_is_asked(const struct zone *known, const struct stateless_rule *r,
		       enum zone_dim dim);
/* What is fewer: the values, or the others. */
int nft_side_shorter(struct arena *a, const struct stateless_rule *r,
		     enum zone_dim dim, struct nft_side *ret);
/* Of names: those, or no others. `unsaid`: the error where none are names. */
int nft_side_names(struct arena *a, const struct stateless_rule *r,
		   enum zone_dim dim, int unsaid, struct nft_side *ret);
/*
 * How many rules it takes for the interfaces asked for, of either direction:
 * `ways` says it of the names of one.
 */
int nft_side_ways(const struct zone *known, const struct stateless_rule *r,
		  int unsaid, size_t (*ways)(const struct nft_side *names),
		  size_t *ret);

#endif
