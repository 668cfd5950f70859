/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_named.h: of which type the keys of sets are that have names.
 *
 * The kernel compares no more than lengths: a rule that asks for an address
 * may be put back where a set of its name has marks by now.
 *
 * Shape:  behind the text of an original, " NAME=TYPE" for each such set that it
 *         looks into, in nft's number; nft_raw_parse() passes that over.
 * Owner:  names are interned; nft_named_release().
 * Errors: -ENOMEM; -EBADMSG: no message with a set, or no text of a rule.
 * Source: NFTA_SET_KEY_TYPE in linux/netfilter/nf_tables.h.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_NAMED_H
#define CTPOLICY_BACKENDS_NFT_NFT_NAMED_H

#include "backends/nft/nft_raw.h"

struct nft_named {
	struct nft_named_set {
		uint8_t family;
		const char *table, *name;
		uint32_t type;			/* 0: the set does not say */
	} *v;
	size_t n, cap;
};

/* A message of a dump of sets. */
int nft_named_take(struct nft_named *l, const struct nlmsghdr *nlh);
void nft_named_print(const struct nft_named *l, uint8_t family,
		     const char *table, const struct nft_raw *r,
		     struct strbuf *out);
/* "set good", interned, if it has keys of another type now; *ret NULL: none */
int nft_named_changed(const struct nft_named *l, uint8_t family,
		      const char *table, const char *text, const char **ret);
void nft_named_release(struct nft_named *l);

#endif
