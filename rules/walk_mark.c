/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/walk_mark.c: what rules make of the marks of packet and connection. */
#include <linux/netfilter/nf_conntrack_common.h>

#include "rules/walk_parts.h"

struct mark {
	uint32_t v, known;
};

static struct mark blend(const struct term *t, struct mark own,
			 struct mark other)
{
	struct mark m = {
		.v = (own.v & t->keep) ^ (other.v & t->take) ^ t->flip,
		.known = (own.known | ~t->keep) & (other.known | ~t->take),
	};

	m.v &= m.known;
	return m;
}

/* A connection begins with mark 0. */
static struct mark of_entry(const struct walk_state *s)
{
	return (struct mark){ s->ctmark, s->ctmark_known | s->ctmark_new };
}

static void set(const struct term *t, struct walk_state *s)
{
	struct mark own = { s->mark, s->mark_known };

	own = blend(t, own, of_entry(s));
	s->mark = own.v;
	s->mark_known = own.known;
}

static void set_entry(const struct term *t, struct walk_state *s)
{
	struct mark own = { s->ctmark, s->ctmark_known };
	const struct mark other = { s->mark, s->mark_known };

	own = blend(t, own, other);
	s->ctmark = own.v;
	s->ctmark_known = own.known;
	s->ctmark_new &= t->keep & ~t->take & ~t->flip;
}

/* What has no entry has no mark of one, and nothing is done. */
static void with_entry(void (*set_it)(const struct term *,
				      struct walk_state *),
		       const struct term *t, struct walk_state *s)
{
	enum truth has = walk_has_entry(s->ct);
	struct walk_state without = *s;

	if (has == TRUTH_NO)
		return;
	set_it(t, s);
	if (has == TRUTH_MAYBE)
		walk_join(s, &without);
}

void walk_set_mark(const struct term *t, struct walk_state *s)
{
	if (t->kind == TERM_LOSE_MARK)
		s->mark = s->mark_known = 0;
	else if (t->kind == TERM_LOSE_CTMARK)
		s->ctmark = s->ctmark_known = s->ctmark_new = 0;
	else if (t->kind == TERM_SET_CTMARK)
		with_entry(set_entry, t, s);
	else if (t->take)
		with_entry(set, t, s);
	else
		set(t, s);
}
