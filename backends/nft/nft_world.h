/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_world.h: the host's own chains, as far as they may drop.
 *
 * Shape:  chains are added from a dump and sorted once by nft_world_sort();
 *         rules are added after that. Only ip, ip6 and inet; nothing of ours.
 * Owner:  names are interned.
 * Errors: -ENOMEM; -EINVAL for a malformed message.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_WORLD_H
#define CTPOLICY_BACKENDS_NFT_NFT_WORLD_H

#include "backends/lower/reach.h"
#include "backends/nft/nft_named.h"

enum nft_way_kind {
	WAY_DROP,
	WAY_JUMP,		/* or goto, to the chain `name` */
	WAY_VMAP,		/* as the verdict map `name` says */
	WAY_MAX_
};

/* A rule that drops or leads elsewhere, and the packets it is for. */
struct nft_way {
	enum nft_way_kind kind;
	const char *name;	/* NULL: WAY_DROP */
	const char *ports;	/* set that narrows the ports too; NULL: none */
	bool source;		/* `ports` holds source ports */
	struct reach when;
};

struct nft_foreign {
	uint8_t family;
	const char *table, *chain;
	enum hook hook;		/* HOOK_MAX_: none that we use */
	bool base;		/* some hook calls it */
	bool filter;		/* a filter chain on one of our hooks */
	bool policy_drop;
	uint32_t port;		/* that owns the table; 0: none */
	bool dormant;		/* its table is: it hooks nothing */
	bool tracks;		/* a rule needs connection tracking */
	bool translates;	/* ... gives packets an address, not its own */
	uint64_t *handles;	/* of its rules, in order */
	size_t n_rules, cap_handles;
	struct reach_set drops;	/* of the rules that need no look at a set */
	struct nft_way *ways;
	size_t n_ways, cap_ways;
};

/* A table with flags that matter here. */
struct nft_flagged {
	const char *key;	/* interned: "2 filter" */
	bool dormant;		/* hooks nothing */
	uint32_t port;		/* netlink port that owns it; 0: none */
};

struct nft_world {
	struct nft_foreign *v;
	size_t n, cap;
	struct nft_flagged *tables;
	size_t n_tables, cap_tables;
	struct nft_named named;
};

int nft_world_add_table(struct nft_world *w, const struct nlmsghdr *nlh);
int nft_world_add_chain(struct nft_world *w, const struct nlmsghdr *nlh);
void nft_world_sort(struct nft_world *w);
struct nft_foreign *nft_world_find(struct nft_world *w, uint8_t family,
				   const char *table, const char *chain);
/* Another rule of the host's, behind the last one. */
int nft_world_count_rule(struct nft_foreign *f, uint64_t handle);
/* One of iptables-nft's: it has a built-in chain of iptables. */
bool nft_world_is_iptables(const struct nft_world *w, uint8_t family,
			   const char *table);
void nft_world_release(struct nft_world *w);

/* nft_world_rule.c: does the rule jump to one of our chains? */
int nft_world_add_rule(struct nft_foreign *f, const struct nlattr *exprs,
		       bool *ret_ours);
/* One element of a verdict map, as a way of its own behind `at`. */
int nft_world_add_verdict(struct nft_foreign *f, size_t at,
			  const struct nlattr *elem);

/* The ports of a set, element by element; `reach_any`'s when it is empty. */
struct nft_hull {
	uint16_t first, start, end;	/* lowest, highest start, highest end */
	bool some, ends;
};
void nft_hull_add(struct nft_hull *h, const struct nlattr *elem);
struct port_range nft_hull_ports(const struct nft_hull *h);

/* nft_renamed.c: note the rule, of these attributes, if it was ctpolicy's. */
int nft_note_renamed(struct survey *s, const struct nft_foreign *f,
		     const struct image *img, const struct nlattr *const *v);

/*
 * nft_survey.c: read_set gives the messages that hold the elements of a set
 * to `take`, when they are first needed.
 */
typedef int nft_take_fn(const struct nlmsghdr *nlh, void *arg);
int nft_survey(struct nft_world *w,
	       int (*read_set)(const struct nft_foreign *f, const char *set,
			       nft_take_fn *take, void *taker, void *arg),
	       void *arg, struct survey *ret);

#endif
