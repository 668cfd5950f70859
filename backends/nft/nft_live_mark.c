/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_mark.c: what a rule makes of a mark. */
#include <linux/netfilter/nf_tables.h>

#include "backends/nft/nft_live.h"

int nft_live_set_mark(struct live_rule *r, unsigned int at)
{
	struct term t = { .kind = TERM_SET_MARK };

	for (unsigned int i = 0; i < 4 && at + 4 <= LIVE_BYTES; i++) {
		const struct live_byte *b = &r->byte[at + i];
		unsigned int shift = 8 * (BYTE_ORDER == LITTLE_ENDIAN ?
					  i : 3 - i);
		const struct live_load *l = b->load < r->n_loads ?
						    &r->loads[b->load] : NULL;

		if (b->load != LIVE_CONST &&
		    (b->load == LIVE_LOST || b->mask) &&
		    (!l || l->from != LIVE_META || l->key != NFT_META_MARK ||
		     b->at != i))
			t.kind = TERM_LOSE_MARK;
		t.keep |= (uint32_t)b->mask << shift;
		t.flip |= (uint32_t)b->flip << shift;
	}
	if (at + 4 > LIVE_BYTES || t.kind == TERM_LOSE_MARK)
		t = (struct term){ .kind = TERM_LOSE_MARK };
	for (unsigned int i = 0; i < LIVE_BYTES; i++) {
		struct live_byte *b = &r->byte[i];

		if (b->load < r->n_loads &&
		    r->loads[b->load].from == LIVE_META &&
		    r->loads[b->load].key == NFT_META_MARK)
			*b = (struct live_byte){ .load = LIVE_LOST };
	}
	return r->f->wants_terms ? foreign_add_term(r->f, &t) : 0;
}
