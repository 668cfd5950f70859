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

/* Rules may match or not: each of several may be the one that translates. */
static bool may_move(const struct foreign *f, const struct walk_phase *p,
		     uint8_t bits, const struct walk_step *s)
{
	return p->after.moved & ~p->before.moved & bits &&
	       s->verdict == FOREIGN_TARGET && s->matched != TRUTH_NO &&
	       s->rule != FOREIGN_NOWHERE &&
	       !walk_goes_on(f, &f->rules[s->rule], s->target);
}

static void add_destination(struct judged *j, uint32_t rule)
{
	for (size_t i = 0; i < j->n_nat_to; i++)
		if (j->nat_to[i] == rule)
			return;
	if (j->n_nat_to < JUDGED_MOVERS)
		j->nat_to[j->n_nat_to++] = rule;
}

static void add_source(struct judged *j, const struct judged_source *v)
{
	for (size_t i = 0; i < j->n_source; i++)
		if (j->source[i].rule == v->rule &&
		    j->source[i].answers == v->answers)
			return;
	if (j->n_source < JUDGED_MOVERS)
		j->source[j->n_source++] = *v;
}

static void find_movers(const struct foreign *f, const struct walk *w,
			bool answers, struct judged *ret)
{
	for (size_t i = 0; i < w->n_phases; i++) {
		const struct walk_phase *p = &w->phases[i];

		for (size_t k = p->first; k < p->first + p->n; k++) {
			const struct walk_step *s = &w->steps[k];
			const struct judged_source v = { s->rule, answers };

			if (may_move(f, p, MOVED_DESTINATION | MOVED_HERE, s))
				add_destination(ret, s->rule);
			if (may_move(f, p, MOVED_SOURCE, s))
				add_source(ret, &v);
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
		 bool answers, struct judged *ret)
{
	note_translation(w, ret);
	find_translator(w, ret);
	find_movers(f, w, answers, ret);
}
