/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_order.h: which field of an interval set comes first.
 *
 * The kernel goes through all elements that match so far, so a value that most
 * elements share must not come first. Ports come first, except in a set with
 * many networks and few ports, where addresses do.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_ORDER_H
#define CTPOLICY_BACKENDS_NFT_NFT_ORDER_H

#include "backends/nft/nft.h"

/*
 * Reorder the fields of e, and `part` with them; *ret is the suffix of the
 * set's name, a literal. -ENOMEM: e is as before.
 */
int nft_order_fields(struct elems *e, enum key_part *part, const char **ret);

#endif
