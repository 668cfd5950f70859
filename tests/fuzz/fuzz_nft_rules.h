/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/fuzz/fuzz_nft_rules.h: a kernel whose nft rules an input chooses.
 *
 * Shape:  messages as the kernel sends them: attributes have the types and the
 *         order that it gives them, whatever their values are. libnftnl ends
 *         the process over any others.
 * Source: linux/netfilter/nf_tables.h; the dump functions of the kernel's
 *         net/netfilter/nft_*.c.
 */
#ifndef CTPOLICY_TESTS_FUZZ_NFT_RULES_H
#define CTPOLICY_TESTS_FUZZ_NFT_RULES_H

#include <libmnl/libmnl.h>

#include "tests/fuzz/fuzz_input.h"

#define FUZZ_SETS 4

/* fuzz_nft_rules_expr.c: some expressions into an open nest. */
void fuzz_nft_exprs(struct fuzz_input *in, struct nlmsghdr *nlh);
/* One that belongs to a set or an element: NULL-terminated attributes. */
void fuzz_nft_expr(struct fuzz_input *in, struct nlmsghdr *nlh,
		   uint16_t nest);
void fuzz_nft_verdict(struct fuzz_input *in, struct nlmsghdr *nlh,
		      uint16_t nest);
const char *fuzz_nft_set_name(struct fuzz_input *in);
const char *fuzz_nft_chain_name(struct fuzz_input *in);

#endif
