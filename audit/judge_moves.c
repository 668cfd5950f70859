/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/judge_moves.h"

static enum truth moved(uint8_t bits, uint8_t yes, uint8_t no)
{
	if (!(bits & yes))
		return TRUTH_NO;
	return bits & no ? TRUTH_MAYBE : TRUTH_YES;
}

/* The rule that has moved an address, in the phase that shows it moved. */
static void find_mover(const struct walk *w, uint8_t bits, uint32_t *ret)
{
	for (size_t i = 0; *ret == FOREIGN_NOWHERE && i < w->n_phases; i++) {
		const struct walk_phase *p = &w->phases[i];

		if (!(p->after.moved & ~p->before.moved & bits))
			continue;
		for (size_t k = p->first; k < p->first + p->n; k++)
			if (w->steps[k].verdict == FOREIGN_TARGET)
				*ret = w->steps[k].rule;
	}
}

static bool is_listed(const struct judged *j, uint32_t rule)
{
	for (size_t i = 0; i < j->n_nat_to; i++)
		if (j->nat_to[i] == rule)
			return true;
	return j->n_nat_to == JUDGED_MOVERS;
}

/* Where rules may match or not, each of several gives a destination. */
static void find_destinations(const struct foreign *f, const struct walk *w,
			      struct judged *ret)
{
	static const uint8_t bits = MOVED_DESTINATION | MOVED_HERE;

	for (size_t i = 0; i < w->n_phases; i++) {
		const struct walk_phase *p = &w->phases[i];

		if (!(p->after.moved & ~p->before.moved & bits))
			continue;
		for (size_t k = p->first; k < p->first + p->n; k++) {
			const struct walk_step *s = &w->steps[k];

			if (s->verdict == FOREIGN_TARGET &&
			    s->matched != TRUTH_NO &&
			    s->rule != FOREIGN_NOWHERE &&
			    !walk_goes_on(f, &f->rules[s->rule], s->target) &&
			    !is_listed(ret, s->rule))
				ret->nat_to[ret->n_nat_to++] = s->rule;
		}
	}
}

static void find_translator(const struct walk *w, struct judged *ret)
{
	find_mover(w, MOVED_SOURCE | MOVED_DESTINATION | MOVED_HERE,
		   &ret->nat);
	find_mover(w, MOVED_SOURCE, &ret->nat_from);
}

static void note_translation(const struct walk *w, struct judged *ret)
{
	uint8_t bits = w->n_phases ? w->phases[w->n_phases - 1].after.moved :
				     0;

	ret->moves_here |= bits & MOVED_HERE;
	ret->source_moves = truth_or(ret->source_moves,
				     moved(bits, MOVED_SOURCE,
					   MOVED_NOT_SOURCE));
	ret->destination_moves = truth_or(ret->destination_moves,
					  moved(bits, MOVED_DESTINATION |
							MOVED_HERE,
						MOVED_NOT_DESTINATION));
}

void judge_moves(const struct foreign *f, const struct walk *w,
		 struct judged *ret)
{
	note_translation(w, ret);
	find_translator(w, ret);
	find_destinations(f, w, ret);
}
