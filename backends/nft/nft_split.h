/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_split.h: chains of one protocol, in ctpolicy's own table.
 *
 * Where a base chain has several rules of a protocol, they stand in a chain of
 * their own, "prerouting_udp", and one rule leads its packets there: they meet
 * no rule of another protocol, and none that asks for the protocol again
 * (image_rule.led). What a rule is for, then, is told by its chain's name.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_SPLIT_H
#define CTPOLICY_BACKENDS_NFT_NFT_SPLIT_H

#include "rules/image.h"

/* Of all base chains of the own table, for a table that was just lowered. */
int nft_split(struct image_table *t);
/* The protocol of such a chain; 0: it is none, or not in the own table. */
uint8_t nft_split_proto(uint8_t family, const char *table, const char *chain);
/*
 * A rule that was read from this chain, and asks for no protocol, gets the
 * chain's, if it has one.
 */
void nft_split_read(const struct image_table *t, const char *chain,
		    struct image_rule *r);

#endif
