/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_lower.h: one group of rules of a shape into one table.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_LOWER_H
#define CTPOLICY_BACKENDS_NFT_NFT_LOWER_H

#include "backends/nft/nft.h"

/* Where the rules of a group go. */
struct nft_place {
	struct image_table *table;
	const char *chain;
	const char *prefix;		/* of the names of sets */
	const char *timers;		/* of these: the set; NULL: none */
};

/*
 * The chain that repeats what a rule of the host's does (rule.then), made if
 * it is not there. -EOPNOTSUPP: there are no words for it.
 */
int nft_lower_echo(struct image_table *t, const char *chain,
		   const struct rule *r, const char **ret);
int nft_lower_group(const struct nft_place *at, const struct fuse_group *g);

#endif
