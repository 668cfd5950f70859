/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_anonymous.h: sets without a name of their own, which come
 * and go with the one rule that looks into them.
 *
 * Owner:  nft_anonymous_release(); names are interned.
 * Errors: -errno of a dump; -EINTR: the rules changed meanwhile.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_ANONYMOUS_H
#define CTPOLICY_BACKENDS_NFT_NFT_ANONYMOUS_H

#include "backends/nft/nft_kernel.h"
#include "backends/nft/nft_raw.h"

struct nft_anonymous {
	struct nft_anonymous_set {
		uint8_t family;
		const char *table, *name;
		struct nft_raw_set raw;
	} *v;
	size_t n, cap;
};

/* Which tables' sets are read. */
typedef bool nft_table_fn(void *arg, uint8_t family, const char *table);
int nft_anonymous_read(struct backend_ctx *ctx, nft_table_fn *wanted,
		       void *arg, struct nft_anonymous *ret);
/*
 * A rule's message, as it is, with the sets that it looks into.
 * -ENOENT: one of them is not there, or too large; *ret is without them then.
 */
int nft_raw_of(const struct nlmsghdr *nlh, const struct nft_anonymous *sets,
	       struct nft_raw *ret);
/* The first number that is free for sets of the next rule. */
uint32_t nft_raw_id(const struct nft_batch *b);
/*
 * Messages that make the rule's sets, by the numbers from `id` on, each at the
 * step `first`.
 */
int nft_anonymous_write(const struct nft_raw *r, uint8_t family,
			const char *table, uint32_t id, size_t first,
			struct nft_batch *b);
void nft_anonymous_release(struct nft_anonymous *s);

#endif
