/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_original.h: a rule of the host's as it is kept while others
 * stand in for it.
 *
 * Shape:  nft_raw.h has its text; it holds all that the kernel gave. The kernel
 *         gives what it would take, but for what iptables-nft tells it of the
 *         protocol (NFTA_RULE_COMPAT): that is in the expressions.
 * Owner:  texts are interned.
 * Errors: -ENOMEM; -EBADMSG: not such a text, or no whole attributes.
 * Source: nf_tables_fill_rule_info() in the kernel's
 *         net/netfilter/nf_tables_api.c; nft_parse_compat() in nft_compat.c.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_ORIGINAL_H
#define CTPOLICY_BACKENDS_NFT_NFT_ORIGINAL_H

#include "backends/nft/nft_anonymous.h"
#include "backends/nft/nft_named.h"

/*
 * *ret NULL: it cannot be put back: it is too long, or looks into a set that
 * is not known.
 */
int nft_original_write(const struct nlmsghdr *nlh,
		       const struct nft_anonymous *sets,
		       const struct nft_named *named, const char **ret);
/*
 * Attributes of a new rule, behind those that say where it stands; its sets
 * have names as nft_raw_named() says.
 */
int nft_original_put(struct nlmsghdr *nlh, const struct nft_raw *r,
		     const char *prefix, uint32_t id);
/* What they tell of the protocol, for a rule that matches or targets need. */
void nft_original_put_compat(struct nlmsghdr *nlh,
			     const struct nft_bytes *exprs);
/*
 * A whole rule, with its sets, into the step's chain: ahead of the one with the
 * handle `before`, or (0) at the end.
 */
int nft_original_send(const struct nft_raw *r, const struct step *s,
		      uint64_t before, size_t first, struct nft_batch *b);
/* Counters aside, two of the same are the same rule. */
int nft_original_digest(const char *text, uint64_t *ret);
int nft_original_digest_of(const struct nlmsghdr *nlh,
			   const struct nft_anonymous *sets, uint64_t *ret);
/* The chain that a rule's last verdict leads to; NULL: to none. */
const char *nft_original_target(const struct nlattr *exprs);
/* The same, interned. */
const char *nft_raw_target(const struct nft_raw *r);
/*
 * Of the chains that a text's verdicts lead to, those of its own maps too, one
 * that `is_there` denies, interned; *ret NULL: there is none.
 */
typedef bool nft_chain_fn(void *arg, const char *chain);
int nft_original_lacks(const char *text, nft_chain_fn *is_there, void *arg,
		       const char **ret);

#endif
