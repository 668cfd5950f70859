/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_live_mark.c: what a rule makes of a mark. */
#include <endian.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "backends/nft/nft_live.h"

static bool is_mark(const struct live_load *l, bool of_entry)
{
	return of_entry ? l->from == LIVE_CT && l->key == NFT_CT_MARK :
			  l->from == LIVE_META && l->key == NFT_META_MARK;
}

/* Byte number i of the mark, from the register's; false: not known. */
static bool add_byte(const struct live_rule *r, const struct live_byte *b,
		     unsigned int i, struct term *t)
{
	unsigned int shift = 8 * (BYTE_ORDER == LITTLE_ENDIAN ? i : 3 - i);
	const struct live_load *l = b->load < r->n_loads ?
					    &r->loads[b->load] : NULL;
	bool entry = t->kind == TERM_SET_CTMARK;

	t->flip |= (uint32_t)b->flip << shift;
	if (b->load == LIVE_CONST || (b->load != LIVE_LOST && !b->mask))
		return true;
	if (!l || b->at != i)
		return false;
	if (is_mark(l, entry))
		t->keep |= (uint32_t)b->mask << shift;
	else if (is_mark(l, !entry))
		t->take |= (uint32_t)b->mask << shift;
	else
		return false;
	return true;
}

/* What was loaded of it before is no longer what it is. */
static void lose_loads(struct live_rule *r, bool of_entry)
{
	for (unsigned int i = 0; i < LIVE_BYTES; i++) {
		struct live_byte *b = &r->byte[i];

		if (b->load < r->n_loads &&
		    is_mark(&r->loads[b->load], of_entry))
			*b = (struct live_byte){ .load = LIVE_LOST };
	}
}

int nft_live_set_mark(struct live_rule *r, unsigned int at, bool of_entry)
{
	struct term t = { .kind = of_entry ? TERM_SET_CTMARK : TERM_SET_MARK };
	bool known = nft_live_fits(at, 4);

	for (unsigned int i = 0; known && i < 4; i++)
		known = add_byte(r, &r->byte[at + i], i, &t);
	if (!known)
		t = (struct term){ .kind = of_entry ? TERM_LOSE_CTMARK :
						      TERM_LOSE_MARK };
	lose_loads(r, of_entry);
	return r->f->wants_terms ? foreign_add_term(r->f, &t) : 0;
}

int nft_live_require_ctmark(struct live_rule *r)
{
	struct term t = { .n_fields = 1, .field = { FIELD_CTMARK } };
	struct key_range any = { 0 };
	int err;

	if (!r->f->wants_terms)
		return 0;
	memset(any.last, 0xff, packet_field_bytes(FIELD_CTMARK));
	err = foreign_begin_set(r->f, NULL, 1, false, &t.set);
	if (!err)
		err = foreign_add_key(r->f, &any, NULL);
	return err ? err : foreign_add_term(r->f, &t);
}
