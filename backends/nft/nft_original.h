/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_original.h: a rule of the host's as it is kept while others
 * stand in for it.
 *
 * Shape:  "HEX HEX": the attributes in NFTA_RULE_EXPRESSIONS, counters too,
 *         and NFTA_RULE_USERDATA, as the kernel gave them ("-": it had none).
 *         The kernel gives what it would take, but for what iptables-nft tells
 *         it of the protocol (NFTA_RULE_COMPAT): that is in the expressions.
 * Owner:  texts are interned.
 * Errors: -ENOMEM; -EBADMSG: not such a text, or no whole attributes.
 * Source: nf_tables_fill_rule_info() in the kernel's
 *         net/netfilter/nf_tables_api.c; nft_parse_compat() in nft_compat.c.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_ORIGINAL_H
#define CTPOLICY_BACKENDS_NFT_NFT_ORIGINAL_H

#include "backends/nft/nft_netlink.h"

/* A message may hold so many bytes of it, beside its head. */
#define NFT_ORIGINAL_MAX 6000
#define NFT_ORIGINAL_MSG (NFT_ORIGINAL_MAX + 1024)

/*
 * *ret NULL: it cannot be put back: it is too long, or looks into a set that
 * goes with it.
 */
int nft_original_write(const struct nlmsghdr *nlh, const char **ret);
/* Attributes of a new rule, behind those that say where it stands. */
int nft_original_put(struct nlmsghdr *nlh, const char *text);
/* Counters aside, two of the same are the same rule. */
int nft_original_digest(const char *text, uint64_t *ret);
int nft_original_digest_of(const struct nlmsghdr *nlh, uint64_t *ret);
/* The chain that a rule's last verdict leads to; NULL: to none. */
const char *nft_original_target(const struct nlattr *exprs);
/* The same of a text, interned; *ret NULL: to none. */
int nft_original_leads_to(const char *text, const char **ret);

#endif
