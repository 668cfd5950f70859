/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_copied.h: the messages of a copy, and which of them are
 * about sets without a name.
 *
 * Shape:  messages stand one behind the other, each at a multiple of four.
 *         Sets without a name are sorted; each is known by the name that the
 *         kernel gave it.
 * Owner:  nft_copied_sets_release(); texts are those of the messages.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_COPIED_H
#define CTPOLICY_BACKENDS_NFT_NFT_COPIED_H

#include "backends/nft/nft_netlink.h"
#include "backends/nft/nft_raw.h"

/* NULL: it is behind the last one. */
const struct nlmsghdr *nft_copied_at(const struct nft_bytes *b, size_t at);
/* Where the next one is. */
size_t nft_copied_behind(const struct nlmsghdr *nlh, size_t at);

#define nft_for_each_copied(nlh, b)					\
	for (size_t at_ = 0; ((nlh) = nft_copied_at((b), at_));	\
	     at_ = nft_copied_behind((nlh), at_))

/* Of the messages of any kind; NULL, or "": it has none. */
const struct nlattr *nft_copied_attr(const struct nlmsghdr *nlh,
				     uint16_t type);
const char *nft_copied_text(const struct nlmsghdr *nlh, uint16_t type);
bool nft_copied_is_set(const struct nlmsghdr *nlh);
/* Of a set's message: has it no name of its own? */
bool nft_copied_is_anonymous(const struct nlmsghdr *set);

struct nft_copied_sets {
	struct nft_copied_set {
		uint8_t family;
		const char *table, *name;
		const struct nlmsghdr *nlh;
	} *v;
	size_t n, cap;
};

/* Those among these messages. */
int nft_copied_sets_find(const struct nft_bytes *b,
			 struct nft_copied_sets *ret);
/* The one that an expression of the rule looks into; NULL: into none. */
const struct nlmsghdr *nft_copied_set_of(const struct nft_copied_sets *s,
					 const struct nlmsghdr *rule,
					 const struct nlattr *expr);
void nft_copied_sets_release(struct nft_copied_sets *s);

#endif
