/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_parts.h: a rule's text, cut into its statements.
 *
 * Shape:  parts follow each other and are apart by blanks at most. `text` of a
 *         verdict goes to the end of the rule, its comment too, but for
 *         verdict maps.
 * Owner:  parts point into the rule's text; nft_parts_release().
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_PARTS_H
#define CTPOLICY_BACKENDS_NFT_NFT_PARTS_H

#include "rules/foreign.h"

enum nft_part_kind {
	PART_MATCH,		/* limits and the like among them */
	PART_STATE,
	PART_ACTION,		/* counts, logs, sets a mark: always goes on */
	PART_VERDICT,
};

struct nft_part {
	enum nft_part_kind kind;
	bool of_state;		/* a verdict map by state */
	struct foreign_text text;
};

struct nft_parts {
	struct nft_part *v;
	size_t n, cap;
};

int nft_parts_read(const struct foreign *f, const struct foreign_rule *r,
		   struct nft_parts *ret);
void nft_parts_release(struct nft_parts *p);

#endif
