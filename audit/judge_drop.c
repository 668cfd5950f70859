/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/judge_drop.h"

#include "audit/echo.h"

struct bench {
	const struct foreign *f;
	const struct walk *walk;
};

/* Protocol, flags and state narrow a drop, but single nobody out. */
static bool is_plain(const struct foreign *f, uint32_t rule)
{
	const struct foreign_rule *r = &f->rules[rule];

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_OPAQUE || t->kind == TERM_VMAP)
			return false;
		if (t->kind == TERM_MATCH && !term_is_plain(t))
			return false;
	}
	return true;
}

/* Is it what has gone over a limit, in a chain that lets others return? */
static bool is_over_limit(const struct bench *b, const struct walk_phase *p,
			  size_t at)
{
	const struct walk_step *v = b->walk->steps;

	for (size_t i = p->first; i < at; i++)
		if (v[i].chain == v[at].chain && v[i].rule != FOREIGN_NOWHERE &&
		    v[i].verdict == FOREIGN_RETURN &&
		    echo_counts(b->f, v[i].rule))
			return true;
	return false;
}

/* Up the jumps that led to step `at` of the phase. */
static bool is_default(const struct bench *b, const struct walk_phase *p,
		       size_t at)
{
	uint32_t chain = b->walk->steps[at].chain;
	uint32_t rule = b->walk->steps[at].rule;

	if (rule != FOREIGN_NOWHERE && !is_plain(b->f, rule))
		return false;
	if (rule != FOREIGN_NOWHERE && is_over_limit(b, p, at))
		return false;
	while (chain != p->chain && at-- > p->first) {
		const struct walk_step *s = &b->walk->steps[at];

		if (s->to != chain)
			continue;
		if (s->rule == FOREIGN_NOWHERE || !is_plain(b->f, s->rule))
			return false;
		chain = s->chain;
	}
	return chain == p->chain;
}

/* A drop, or an extension that lets not every packet go on. */
static bool may_drop(const struct bench *b, const struct walk_step *s)
{
	return foreign_drops(s->verdict) ||
	       (s->verdict == FOREIGN_TARGET &&
		(s->rule == FOREIGN_NOWHERE ||
		 !walk_goes_on(b->f, &b->f->rules[s->rule], s->target)));
}

/* A verdict by the mark of the connection, which a program may have set. */
static bool asks_ctmark(const struct foreign *f, const struct walk_step *s)
{
	const struct foreign_rule *r = s->rule == FOREIGN_NOWHERE ?
					       NULL : &f->rules[s->rule];

	for (uint32_t i = 0; r && i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		for (size_t k = 0; k < t->n_fields; k++)
			if (t->field[k] == FIELD_CTMARK)
				return true;
	}
	return false;
}

/* The one that is sure, else the first that may be it. */
static void find_decider(const struct bench *b, const struct walk_phase *p,
			 struct judged_talk *ret)
{
	const struct walk_step *sure = walk_decider(b->walk, p);

	if (sure && !foreign_drops(sure->verdict))
		sure = NULL;
	for (size_t i = p->first; i < p->first + p->n; i++) {
		const struct walk_step *s = &b->walk->steps[i];

		if (sure ? s != sure : s->matched == TRUTH_NO)
			continue;
		if (!sure && !may_drop(b, s))
			continue;
		ret->rule = s->rule;
		ret->chain = s->chain;
		ret->by_default = is_default(b, p, i);
		ret->by_ctmark = asks_ctmark(b->f, s);
		return;
	}
	/* No rule may be it: the policy. */
	ret->chain = p->chain;
	ret->by_default = true;
}

void judge_drop(const struct foreign *f, const struct walk *walk,
		struct judged_talk *ret)
{
	const struct bench b = { f, walk };
	const struct walk_phase *drop = NULL;

	for (size_t i = 0; i < walk->n_phases; i++) {
		const struct walk_phase *p = &walk->phases[i];

		if (p->chain != FOREIGN_NOWHERE && p->outcome & WALK_DROPPED &&
		    (!drop || (p->outcome == WALK_DROPPED &&
			       drop->outcome != WALK_DROPPED)))
			drop = p;
	}
	ret->rule = ret->chain = FOREIGN_NOWHERE;
	ret->base = drop ? drop->chain : FOREIGN_NOWHERE;
	if (drop)
		find_decider(&b, drop, ret);
}

/* The one that is sure, else the first that may be it. */
static const struct walk_step *find_accept(const struct walk *walk,
					   const struct walk_phase *p)
{
	const struct walk_step *sure = walk_decider(walk, p);

	if (sure && sure->verdict == FOREIGN_ACCEPT)
		return sure;
	for (size_t i = p->first; i < p->first + p->n; i++) {
		const struct walk_step *s = &walk->steps[i];

		if (s->matched != TRUTH_NO && s->verdict == FOREIGN_ACCEPT)
			return s;
	}
	return NULL;
}

void judge_passes(const struct foreign *f, const struct walk *walk,
		  struct judged *ret)
{
	for (size_t i = 0; i < walk->n_phases; i++) {
		const struct walk_phase *p = &walk->phases[i];
		const struct walk_step *s = p->chain != FOREIGN_NOWHERE ?
						    find_accept(walk, p) : NULL;
		bool limited;

		if (!s || s->rule == FOREIGN_NOWHERE ||
		    ret->n_passes == JUDGED_PASSES)
			continue;
		limited = echo_counts(f, s->rule);
		ret->pass[ret->n_passes++] = (struct judged_pass){
			p->chain, s->rule, limited,
			!limited && s->matched == TRUTH_MAYBE,
		};
	}
}
