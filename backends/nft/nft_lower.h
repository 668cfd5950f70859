/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_lower.h: groups of rules of a shape into tables.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_LOWER_H
#define CTPOLICY_BACKENDS_NFT_NFT_LOWER_H

#include "backends/lower/share.h"
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

/* Of a group's rules, those for a part of its members, or for all of them. */
struct nft_cover {
	struct lookup lookup[ELEMS_MAX_FIELDS];	/* parts: of the first group */
	uint8_t n_lookups;
	const struct origin *origin;
	bool dedicated;		/* the rule belongs to one service alone */
};

struct nft_covers {
	struct nft_cover *v;
	size_t n, cap;
};

/*
 * Groups, by class, with the sets that are there already. Fill in the groups,
 * with their realms, then begin: `covers` has a place for each of them, and
 * that of a class's first is used.
 */
struct nft_legs {
	struct fuse fuse;
	struct nft_covers *covers;
};

int nft_legs_begin(struct nft_legs *legs);
void nft_legs_release(struct nft_legs *legs);
/* The rules of a group; the first of a class that is lowered makes its sets. */
int nft_lower_group(const struct nft_place *at, struct nft_legs *legs,
		    size_t group);

/* nft_lower_sets.c */
int nft_lower_sets(const struct nft_place *at, const struct fuse *f,
		   size_t first, struct nft_covers *ret);

#endif
