/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_world.h: other people's chains, as far as they may drop.
 *
 * Shape:  chains are added from a dump, sorted once by nft_world_sort(), and
 *         then told of their rules. Only ip, ip6 and inet; nothing of ours.
 * Owner:  a world owns its names.
 * Errors: -ENOMEM; -EINVAL for a malformed message.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_WORLD_H
#define CTPOLICY_BACKENDS_NFT_NFT_WORLD_H

#include "backends/nft/nft_netlink.h"

struct nft_names {
	char **v;
	size_t n, cap;
};

struct nft_foreign {
	uint8_t family;
	char *table, *chain;
	enum hook hook;		/* HOOK_MAX_: none of ours */
	bool base;		/* some hook calls it */
	bool filter;		/* a filter chain on one of our hooks */
	bool policy_drop;
	bool drops;		/* a rule drops or rejects */
	bool seen;		/* on the way of a search */
	size_t n_rules;
	struct nft_names jumps;	/* chains that it jumps or goes to */
	struct nft_names vmaps;	/* sets that hold verdicts */
};

struct nft_world {
	struct nft_foreign *v;
	size_t n, cap;
	struct nft_names dormant;	/* "2 table": hooks nothing */
};

int nft_world_add_table(struct nft_world *w, const struct nlmsghdr *nlh);
int nft_world_add_chain(struct nft_world *w, const struct nlmsghdr *nlh);
void nft_world_sort(struct nft_world *w);
struct nft_foreign *nft_world_find(struct nft_world *w, uint8_t family,
				   const char *table, const char *chain);
/* The name of our chain that the rule jumps to goes to ret, else "". */
int nft_world_add_rule(struct nft_foreign *f, const struct nlattr *exprs,
		       char ret[IMAGE_NAME_MAX]);
/* One element of a verdict map that f looks into. */
int nft_world_add_verdict(struct nft_foreign *f, const struct nlattr *elem);
void nft_world_release(struct nft_world *w);

/*
 * nft_survey.c: read_vmap gives the elements of f's verdict maps to
 * nft_world_add_verdict(), when they are first needed.
 */
int nft_survey(struct nft_world *w,
	       int (*read_vmaps)(struct nft_foreign *f, void *arg), void *arg,
	       struct survey *ret, struct diags *d);

#endif
