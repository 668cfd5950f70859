/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/walk_zone.c: where conntrack looks for the entry of a packet.
 *
 * An entry has a zone for each of its directions, and a packet is looked for
 * in that of its own (nf_ct_key_equal() in nf_conntrack_core.c). So answers
 * that nobody puts into the zone of their requests have no entry.
 */
#include <linux/netfilter/nf_conntrack_common.h>

#include "rules/walk_parts.h"

void walk_zone_join(struct ct_zone *to, const struct ct_zone *from)
{
	to->known &= from->known;
	for (unsigned int i = 0; i < 2; i++)
		if (to->id[i] != from->id[i])
			to->known &= (uint8_t)~(1U << i);
}

bool walk_zone_same(const struct ct_zone *a, const struct ct_zone *b)
{
	return a->known == b->known &&
	       (!(a->known & 1) || a->id[0] == b->id[0]) &&
	       (!(a->known & 2) || a->id[1] == b->id[1]);
}

/* The first template stays. */
void walk_put_template(uint8_t open, const struct ct_zone *zone,
		       struct walk_state *s)
{
	bool had = s->ct & CT_TEMPLATE;

	if (!(s->ct & open))
		return;
	s->ct = (uint8_t)((s->ct & ~open) | CT_TEMPLATE);
	if (had)
		walk_zone_join(&s->zone, zone);
	else
		s->zone = *zone;
}

uint8_t walk_zone_states(const struct packet *p, const struct walk_state *s)
{
	unsigned int way = p->answers;

	if (!p->in_zone)
		return p->ct_states;
	if (!(p->zone.known & s->zone.known & (1U << way)))
		return p->ct_states | p->ct_alone;
	return p->zone.id[way] == s->zone.id[way] ? p->ct_states : p->ct_alone;
}
