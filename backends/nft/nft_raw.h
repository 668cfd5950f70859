/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_raw.h: a rule in the kernel's own bytes, with the sets that
 * belong to it alone.
 *
 * Shape:  expressions are attributes NFTA_LIST_ELEM, one behind the other; the
 *         n-th lookup in a set without a name is one in sets[n]. Of such a set
 *         `set` has what makes it, but no name, and `elems` what is in it.
 *         As text: "EXPRS USER [SET ELEMS]...", in hexadecimal, "-" for none;
 *         words with "=" are passed over.
 * Owner:  nft_raw_release() frees all of it and leaves an empty one.
 * Errors: -ENOMEM; -EBADMSG: no such text, or no whole attributes.
 * Source: nf_tables_fill_rule_info() and nf_tables_fill_set() in the kernel's
 *         net/netfilter/nf_tables_api.c, and the dump functions of nft_*.c.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_RAW_H
#define CTPOLICY_BACKENDS_NFT_NFT_RAW_H

#include "backends/nft/nft_netlink.h"
#include "core/strbuf.h"

/* A message may hold so many bytes of a rule, beside its head. */
#define NFT_RAW_MAX 6000
#define NFT_RAW_MSG (NFT_RAW_MAX + 1024)
/* So much of a set's elements is sent at once, and kept at most. */
#define NFT_RAW_ELEMS_MSG 60000
#define NFT_RAW_ELEMS_MAX (1024 * 1024)

struct nft_bytes {
	uint8_t *v;
	size_t n, cap;
};

struct nft_raw_set {
	struct nft_bytes set, elems;
};

struct nft_raw {
	struct nft_bytes exprs, user;
	struct nft_raw_set *sets;
	size_t n_sets, cap_sets;
};

int nft_bytes_add(struct nft_bytes *b, const void *v, size_t n);
/* An attribute and what fills it up to the next one. */
int nft_bytes_attr(struct nft_bytes *b, uint16_t type, const void *v,
		   size_t n);
/* Each attribute of bytes that may be any. */
#define nft_for_each_bytes(a, b)                                              \
	for ((a) = (const struct nlattr *)(const void *)(b)->v;               \
	     (b)->n && mnl_attr_ok((a), (int)((b)->n -                        \
			(size_t)((const uint8_t *)(a) - (b)->v)));            \
	     (a) = mnl_attr_next(a))

/* The name of an expression and its attributes; NULL: it is none. */
const char *nft_expr_name(const struct nlattr *expr,
			  const struct nlattr **ret_data);
/* The set of a lookup without a name of its own; NULL: it is none such. */
const char *nft_expr_anonymous(const struct nlattr *expr);

int nft_raw_parse(const char *text, struct nft_raw *ret);
void nft_raw_print(const struct nft_raw *r, struct strbuf *out);
int nft_raw_add_set(struct nft_raw *r, const struct nft_raw_set *copied);
/*
 * nft_raw_settle.c: in one way alone, whoever wrote it: attributes in the order
 * of their numbers, none that says what goes without saying, sets sorted;
 * counters say nothing.
 */
int nft_raw_settle(struct nft_raw *r);
/*
 * The same for a rule of ctpolicy's, in an image: what nft notes in a set for
 * itself, of keys that need no such note, goes too. The order of their bytes
 * stays, since listings go by it.
 */
int nft_raw_settle_own(struct nft_raw *r);
int nft_raw_settle_set(struct nft_raw_set *s);
/* Counters aside, two of the same are the same rule. */
int nft_raw_digest(const struct nft_raw *r, uint64_t *ret);
/*
 * Copy the expressions, with other names for the sets without one: NULL: by a
 * number in the batch, the first one's is `id`; else "PREFIX0" and so on.
 */
int nft_raw_named(const struct nft_raw *r, const char *prefix, uint32_t id,
		  struct nft_bytes *ret);
void nft_raw_release(struct nft_raw *r);
void nft_raw_set_release(struct nft_raw_set *s);
void nft_bytes_release(struct nft_bytes *b);

/* Words of a rule in an image that are such a text, behind the first. */
#define NFT_RAW_WORD "raw "
bool nft_words_are_raw(const char *words);

#endif
