/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/timed.h"

#include <string.h>

#include "core/mem.h"

/* What a packet met on its way; rules of the host's, or NOWHERE. */
struct met {
	uint32_t notrack, zoned, accept;
	bool ours;			/* a NOTRACK rule of ctpolicy's */
	bool legacy;			/* the timeouts are those of -j CT */
};

static const struct foreign_table *table_of(const struct foreign *f,
					    const struct foreign_rule *r)
{
	return &f->tables[f->chains[r->chain].table];
}

static bool is_legacy(const struct foreign *f, const struct foreign_rule *r)
{
	return table_of(f, r)->world == WORLD_LEGACY;
}

static void note(const struct foreign *f, uint32_t rule, bool ours,
		 struct met *m)
{
	const struct foreign_rule *r = &f->rules[rule];

	if (foreign_has_term(f, r, TERM_NOTRACK)) {
		m->ours |= ours;
		if (m->notrack == FOREIGN_NOWHERE)
			m->notrack = rule;
	} else if (judge_leaves_template(f, rule)) {
		if (m->zoned == FOREIGN_NOWHERE)
			m->zoned = rule;
	} else if (r->verdict == FOREIGN_ACCEPT && is_legacy(f, r) &&
		   !strcmp(table_of(f, r)->name, "raw")) {
		m->accept = rule;
	}
}

/* One base chain; true: a rule of ctpolicy's gave the timeouts. */
static bool follow(const struct foreign *f, size_t n, const struct walk *walk,
		   const struct walk_phase *ph, struct met *m)
{
	for (size_t i = ph->first; i < ph->first + ph->n; i++) {
		const struct walk_step *s = &walk->steps[i];
		const struct foreign_rule *r;

		if (s->rule == FOREIGN_NOWHERE || s->matched == TRUTH_NO)
			continue;
		r = &f->rules[s->rule];
		if (s->rule >= n && r->features & FEATURE_BIT(CT_OTHER)) {
			m->legacy = is_legacy(f, r);
			return true;
		}
		if (s->matched == TRUTH_YES && s->reached == TRUTH_YES)
			note(f, s->rule, s->rule >= n, m);
	}
	return false;
}

/* Which of these comes first, only the kernel knows. */
static bool runs_with(const struct walk_phase *a, const struct walk_phase *b)
{
	return a->hook == b->hook && a->priority == b->priority;
}

static uint32_t find(const struct foreign *f, size_t n, const struct walk *walk)
{
	struct met m = { FOREIGN_NOWHERE, FOREIGN_NOWHERE, FOREIGN_NOWHERE,
			 false, false };
	const struct walk_phase *given = NULL;

	for (size_t i = 0; i < walk->n_phases; i++) {
		const struct walk_phase *ph = &walk->phases[i];

		if (given && !runs_with(ph, given))
			break;
		if (follow(f, n, walk, ph, &m) && !given)
			given = ph;
	}
	if (m.ours || (!given && walk->outcome == WALK_DROPPED))
		return FOREIGN_NOWHERE;
	if (m.notrack != FOREIGN_NOWHERE)
		return m.notrack;
	if (given)
		return m.legacy ? m.zoned : FOREIGN_NOWHERE;
	return m.accept;
}

int timed_find(struct walker *w, const struct foreign *f, size_t n,
	       const struct flow_space *sp, const struct flow_sample *s,
	       enum truth tracking, struct harm_found *ret)
{
	_cleanup_(walk_release) struct walk walk = { 0 };
	struct packet p;
	uint32_t rule;
	int err;

	*ret = (struct harm_found){ .chain = FOREIGN_NOWHERE };
	if (!conversation_packet(sp, s, TALK_FIRST, false, &p))
		return 0;
	p.tracking = tracking;
	err = walk_run(w, &p, &walk);
	rule = err ? FOREIGN_NOWHERE : find(f, n, &walk);
	ret->rule = rule;
	if (rule != FOREIGN_NOWHERE)
		ret->harm = HARM_UNTIMED;
	return err;
}
