/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/walk_state.c: what may have become of a packet, joined. */
#include "rules/walk_parts.h"

void walk_join(struct walk_state *to, const struct walk_state *from)
{
	to->ct |= from->ct;
	to->moved |= from->moved;
	walk_zone_join(&to->zone, &from->zone);
	to->lost |= from->lost;
	to->mark_known &= from->mark_known & ~(to->mark ^ from->mark);
	to->mark &= to->mark_known;
	to->ctmark_known &= from->ctmark_known & ~(to->ctmark ^ from->ctmark);
	to->ctmark &= to->ctmark_known;
	to->ctmark_new &= from->ctmark_new;
}

bool walk_state_same(const struct walk_state *a, const struct walk_state *b)
{
	return a->ct == b->ct && a->moved == b->moved && a->lost == b->lost &&
	       walk_zone_same(&a->zone, &b->zone) &&
	       a->mark == b->mark && a->mark_known == b->mark_known &&
	       a->ctmark == b->ctmark && a->ctmark_known == b->ctmark_known &&
	       a->ctmark_new == b->ctmark_new;
}

static void add(struct ending *e, uint8_t how, struct walk_state *to,
		const struct walk_state *s)
{
	if (e->how & how)
		walk_join(to, s);
	else
		*to = *s;
	e->how |= how;
}

void ending_add(struct ending *e, uint8_t how, const struct walk_state *s)
{
	if (how & END_ON)
		add(e, END_ON, &e->on, s);
	if (how & END_ACCEPT)
		add(e, END_ACCEPT, &e->accept, s);
	if (how & END_DROP)
		add(e, END_DROP, &e->drop, s);
	if (how & END_RETURN)
		add(e, END_RETURN, &e->ret, s);
}
