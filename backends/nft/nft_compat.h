/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat.h: rules in the tables of iptables-nft.
 *
 * iptables-nft shows a table only if it can read every rule there. So its
 * tables get what it would write itself: interface, protocol and addresses as
 * nft's own expressions, all else as blobs of iptables' matches, which each of
 * its releases reads. No set, no `ct`, no `notrack`.
 *
 * Shape:  of an image table with `iptables`: rules are as the iptables backend
 *         writes them (multiport lists, one address of each side), without
 *         lookups. In the text of an image such a rule is
 *         "iptables -p tcp ... -j ACCEPT", or "ip6tables ...".
 * Errors: -ENOMEM; the encoder -EOPNOTSUPP with a diagnostic, for what iptables
 *         or this kernel lacks. A rule that the decoder does not understand is
 *         no error.
 * Source: iptables/nft.c of iptables 1.8.9; linux/netfilter/nf_tables_compat.h
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_COMPAT_H
#define CTPOLICY_BACKENDS_NFT_NFT_COMPAT_H

#include "backends/nft/nft.h"

struct ipt_args;
struct ipt_rows;
struct nft_writer;
struct nlmsghdr;
struct nftnl_rule;

/* Can this build read and write them? It takes libxtables. */
extern const bool nft_compat_works;

/* nft_compat_put.c */
int nft_compat_put(struct nft_writer *w, uint8_t family,
		   const struct image_rule *r, struct diags *d);
/* nft_compat_get.c: into ret, which is zero. */
int nft_compat_decode(struct image *img, const struct image_table *t,
		      struct nftnl_rule *nr, struct image_rule *ret);
/* nft_compat.c: the group's rules, every value inline, to the chain's end. */
int nft_compat_lower(const struct fuse_group *g, struct image_table *t,
		     const char *chain);
/*
 * nft_compat_tree.c: a group that differs in ports alone, by the dozen rules;
 * its members as one rule, which the caller releases the match of; and that
 * rule, in and below the chain `own`. Chains of the table move.
 */
struct compat_root {
	struct image_table *table;
	const char *own;
};
bool nft_compat_is_long(const struct fuse_group *g);
int nft_compat_join(const struct fuse_group *g, struct rule *ret);
int nft_compat_put_tree(const struct fuse_group *g,
			const struct compat_root *root,
			const struct ipt_rows *to, const struct rule *r);
/* The step as a command of iptables; false: there is none. */
bool nft_compat_print_step(const struct step *s, struct strbuf *out);
bool nft_compat_print_inner(const struct step *s, struct strbuf *out);
/* Words of iptables as they are shown; -EOPNOTSUPP: it cannot do that. */
int nft_compat_settle(uint8_t family, const char *words, char **ret);
int nft_compat_add_words(uint8_t family, const char *words, struct foreign *f);
/* The rule as the text of an image has it; back from behind its first word. */
void nft_compat_print(uint8_t family, const struct image_rule *r,
		      struct strbuf *out);
/* echo: of a chain of words, own_names_echo() */
int nft_compat_parse(const char *text, size_t len, uint8_t family, bool echo,
		     struct image *img, struct image_rule *ret);

/* nft_compat_head.c: what stands in the rule's built-in part */
int nft_compat_put_head(struct nft_writer *w, uint8_t family,
			const void *entry);
/*
 * nft_compat_get.c: the rule as iptables' arguments; *ret_known false: it has
 * something that iptables does not show, or shows otherwise.
 */
int nft_compat_args(uint8_t family, struct nftnl_rule *nr,
		    struct ipt_args *ret, bool *ret_known);
/*
 * nft_compat_live.c: a rule of the host's into f, in the words that iptables
 * has for it, as ipt_put_edits() wants it. *ret: it has such words, and was
 * added.
 */
int nft_compat_read(struct foreign *f, uint32_t chain,
		    const struct nlmsghdr *nlh, bool *ret);
/* put_edits(), print_original() and print_put() of such tables */
int nft_compat_put_edits(struct foreign *f, struct stateless *s,
			 struct image *img, struct diags *d);
int nft_compat_print_original(const struct image_table *t, const char *chain,
			      const char *original, struct strbuf *out);
int nft_compat_print_edit(const struct foreign *f, const struct stateless *s,
			  const struct stateless_edit *e, struct strbuf *out);
bool nft_compat_stands_for(const char *stand_in, const struct foreign *f,
			   const struct foreign_rule *r);

#endif
