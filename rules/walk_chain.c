/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/walk_chain.c: a base chain, its rules, and the chains they lead to. */
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

#include "core/mem.h"
#include "rules/walk_parts.h"

static void walk_rules(struct walking *x, uint32_t chain,
		       const struct walk_state *s, struct ending *ret);

static enum truth reached(const struct walking *x)
{
	return x->doubt || x->dropped ? TRUTH_MAYBE : TRUTH_YES;
}

/* A map that says the same of several states says it once. */
static bool is_recorded(const struct walk *out, const struct walk_step *step)
{
	const struct walk_step *last = out->n_steps ?
				&out->steps[out->n_steps - 1] : NULL;

	return last && step->matched == TRUTH_MAYBE &&
	       last->matched == TRUTH_MAYBE && last->rule == step->rule &&
	       last->verdict == step->verdict && last->target == step->target;
}

/*
 * A step. Where a rule is skipped, the rules behind it are all that is wanted,
 * and not the policy.
 */
static void record(struct walking *x, const struct walk_step *step)
{
	struct walk *out = x->out;

	if (x->mute || is_recorded(out, step))
		return;
	if (x->skip != FOREIGN_NOWHERE &&
	    (!x->skipped || step->rule == FOREIGN_NOWHERE))
		return;
	if (mem_grow(&out->steps, &out->cap_steps, out->n_steps + 1)) {
		x->err = -ENOMEM;
		return;
	}
	out->steps[out->n_steps++] = *step;
}

/* One way for a rule to go: its own verdict, or one of a verdict map. */
struct way {
	uint32_t rule, term;		/* term: the first in doubt */
	enum truth matched;
	struct foreign_outcome verdict;
	uint32_t to;
};

static void record_way(struct walking *x, const struct way *y)
{
	const struct foreign_rule *r = &x->w->f->rules[y->rule];
	struct walk_step step = {
		.chain = r->chain, .rule = y->rule, .term = y->term,
		.position = x->w->position[y->rule],
		.matched = y->matched, .reached = reached(x),
		.verdict = y->verdict.verdict, .target = y->verdict.target,
		.to = y->to,
	};

	record(x, &step);
}

/* A loop, or jumps deeper than the kernel takes: no kernel has such rules. */
static bool can_enter(const struct walking *x, uint32_t chain)
{
	for (uint32_t i = 0; i < x->depth; i++)
		if (x->stack[i] == chain)
			return false;
	return x->depth <= WALK_DEPTH_MAX;
}

static void enter(struct walking *x, const struct way *y,
		  const struct walk_state *s, struct ending *ret)
{
	struct ending inner = { 0 };
	bool goes = y->verdict.verdict == FOREIGN_GOTO;

	if (!can_enter(x, y->to)) {
		x->out->too_long = true;
		return;
	}
	walk_rules(x, y->to, s, &inner);
	if (inner.how & END_ON)
		ending_add(ret, goes ? END_RETURN : END_ON, &inner.on);
	if (inner.how & END_ACCEPT)
		ending_add(ret, END_ACCEPT, &inner.accept);
	if (inner.how & END_DROP)
		ending_add(ret, END_DROP, &inner.drop);
}

static const uint8_t ends[] = {
	[FOREIGN_NONE] = END_ON,
	[FOREIGN_ACCEPT] = END_ACCEPT,
	[FOREIGN_DROP] = END_DROP,
	[FOREIGN_REJECT] = END_DROP,
	[FOREIGN_RETURN] = END_RETURN,
	[FOREIGN_JUMP] = 0,
	[FOREIGN_GOTO] = 0,
	[FOREIGN_TARGET] = 0,
};

/* What is no chain is an extension, whatever called it. */
static void go(struct walking *x, struct way *y,
	       const struct walk_state *s, struct ending *ret)
{
	bool doubt = x->doubt;

	if (!ends[y->verdict.verdict] && y->to == FOREIGN_NOWHERE)
		y->verdict.verdict = FOREIGN_TARGET;
	record_way(x, y);
	x->doubt |= y->matched != TRUTH_YES;
	if (ends[y->verdict.verdict])
		ending_add(ret, ends[y->verdict.verdict], s);
	else if (y->to != FOREIGN_NOWHERE)
		enter(x, y, s, ret);
	else
		walk_extension(x->w->f, &x->w->f->rules[y->rule],
			       y->verdict.target, x->hook, s, ret);
	x->doubt = doubt;
}

static uint32_t chain_of(const struct walking *x, uint32_t rule,
			 const struct foreign_outcome *v)
{
	const struct foreign *f = x->w->f;

	if (v->verdict != FOREIGN_JUMP && v->verdict != FOREIGN_GOTO)
		return FOREIGN_NOWHERE;
	if (v->target && v->target == f->rules[rule].target)
		return x->w->target[rule];
	return foreign_find_chain(f, f->chains[f->rules[rule].chain].table,
				  v->target);
}

/* The verdict of a range; the rule's own words come before it. */
static void go_as_mapped(struct walking *x, const struct way *y,
			 const struct key_set *map, uint32_t range,
			 enum truth in, const struct walk_state *s,
			 struct ending *ret)
{
	struct way one = *y;

	one.verdict = x->w->f->outcomes[map->outcome + range];
	one.matched = truth_and(one.matched, in);
	one.to = chain_of(x, y->rule, &one.verdict);
	if (x->budget)
		x->budget--;
	go(x, &one, s, ret);
}

/* Of a map that cannot be read, any verdict may be the packet's. */
static void go_anywhere(struct walking *x, const struct way *y,
			const struct walk_state *s, struct ending *ret)
{
	struct way any = *y;

	any.matched = TRUTH_MAYBE;
	any.verdict = (struct foreign_outcome){ FOREIGN_TARGET, NULL };
	go(x, &any, s, ret);
}

static enum truth map_lookup(struct walking *x, const struct way *y,
			     const struct term *t, const struct walk_state *s,
			     struct ending *ret)
{
	enum truth in, found = TRUTH_NO, sure;
	struct lookup l;
	uint32_t range;

	lookup_begin(&l, x, t, s);
	sure = lookup_has_fields(&l);
	if (sure == TRUTH_NO)
		return TRUTH_NO;
	if (!l.set->known || l.set->outcome == FOREIGN_NOWHERE) {
		go_anywhere(x, y, s, ret);
		return TRUTH_MAYBE;
	}
	while (found != TRUTH_YES && !walk_is_over(x) &&
	       (in = lookup_next(&l, &range)) != TRUTH_NO) {
		found = in;
		go_as_mapped(x, y, l.set, range, truth_and(sure, in), s, ret);
	}
	return truth_and(sure, found);
}

static void doubt_term(const struct walking *x, struct way *y,
		       const struct term *t)
{
	if (y->matched == TRUTH_YES)
		y->term = (uint32_t)(t - x->w->f->terms);
	y->matched = TRUTH_MAYBE;
}

/* `s` becomes what it is where the map says nothing. */
static enum truth take_map(struct walking *x, const struct way *y,
			   const struct term *t, struct walk_state *s,
			   struct ending *ret)
{
	struct walk_state rest = *s, one = *s;
	enum truth any = TRUTH_NO, all = TRUTH_YES, in;

	if (t->n_fields != 1 || t->field[0] != FIELD_STATE)
		return map_lookup(x, y, t, s, ret);
	for (unsigned int bit = 1; bit <= CT_TEMPLATE; bit <<= 1) {
		struct way way = *y;

		if (!(s->ct & bit))
			continue;
		one.ct = (uint8_t)bit;
		if (one.ct != s->ct)
			doubt_term(x, &way, t);
		in = map_lookup(x, &way, t, &one, ret);
		any = truth_or(any, in);
		all = truth_and(all, in);
		if (in == TRUTH_YES)
			rest.ct &= (uint8_t)~bit;
	}
	*s = rest;
	return all == TRUTH_YES ? TRUTH_YES :
	       any == TRUTH_NO ? TRUTH_NO : TRUTH_MAYBE;
}

static void take_out(struct walk_state *s)
{
	if (s->ct & NF_CT_STATE_INVALID_BIT)
		s->ct = (uint8_t)((s->ct & ~NF_CT_STATE_INVALID_BIT) |
				  NF_CT_STATE_UNTRACKED_BIT);
}

/* nft's `ct zone set` ignores NOTRACK: the template takes its place. */
static void put_in_zone(const struct term *t, struct walk_state *s)
{
	walk_put_template(NF_CT_STATE_INVALID_BIT | NF_CT_STATE_UNTRACKED_BIT,
			  &t->zone, s);
}

static void do_effect(const struct term *t, struct walk_state *s)
{
	if (t->kind == TERM_NOTRACK)
		take_out(s);
	else if (t->kind == TERM_ZONE)
		put_in_zone(t, s);
	else if (t->kind != TERM_HELPER && t->kind != TERM_MOVE &&
		 t->kind != TERM_CT_ZONE)
		walk_set_mark(t, s);
}

/* One match: false if the rule ends here for sure. */
static bool take_match(struct walking *x, struct way *y, const struct term *t,
		       struct walk_state *s, struct ending *ret)
{
	struct walk_state yes, no;
	enum truth holds = walk_match(x, t, s, &yes, &no);

	if (holds != TRUTH_YES)
		ending_add(ret, END_ON, &no);
	if (holds == TRUTH_MAYBE)
		doubt_term(x, y, t);
	*s = yes;
	return holds != TRUTH_NO;
}

static bool take_term(struct walking *x, struct way *y, const struct term *t,
		      struct walk_state *s, struct ending *ret)
{
	enum truth found;

	if (t->kind == TERM_MATCH || t->kind == TERM_OPAQUE)
		return take_match(x, y, t, s, ret);
	if (t->kind != TERM_VMAP) {
		do_effect(t, s);
		return true;
	}
	found = take_map(x, y, t, s, ret);
	if (found != TRUTH_YES)
		ending_add(ret, END_ON, s);
	return false;
}

/*
 * The rule goes on where a term may not hold, with the state of that moment;
 * behind the term the state is what it is if all did hold.
 */
static void walk_rule(struct walking *x, uint32_t rule,
		      const struct walk_state *state, struct ending *ret)
{
	const struct foreign_rule *r = &x->w->f->rules[rule];
	struct way y = { rule, FOREIGN_NOWHERE, TRUTH_YES,
			 { r->verdict, r->target }, FOREIGN_NOWHERE };
	struct walk_state s = *state;

	if (rule == x->skip) {
		x->skipped = true;
		ending_add(ret, END_ON, &s);
		return;
	}
	for (uint32_t i = 0; i < r->n_terms; i++)
		if (!take_term(x, &y, &x->w->f->terms[r->terms + i], &s, ret))
			return;
	y.to = chain_of(x, rule, &y.verdict);
	go(x, &y, &s, ret);
}

static bool may_go_on(struct walking *x)
{
	if (!x->budget) {
		x->out->too_long = true;
		return false;
	}
	x->budget--;
	x->w->visits++;
	return !walk_is_over(x);
}

/* For one walk alone, reading a chain through is cheaper. */
static void note_entry(struct walking *x, struct chain_rules *c)
{
	if (c->entered < KEYS_FROM && ++c->entered == KEYS_FROM)
		x->err = walk_keys_index(x->w, c);
}

/* A rule that may have ended the chain leaves a doubt on those behind it. */
static void walk_rules(struct walking *x, uint32_t chain,
		       const struct walk_state *state, struct ending *ret)
{
	struct chain_rules *c = &x->w->chains[chain];
	struct walk_state s = *state;
	bool doubt = x->doubt;
	struct sieve sieve;

	note_entry(x, c);
	walk_sift_begin(&sieve, x, c, &s);
	x->stack[x->depth++] = chain;
	for (uint32_t i = 0; (i = walk_sift_next(&sieve, &s, i)) < c->n; i++) {
		struct ending e = { 0 };

		if (!may_go_on(x))
			break;
		walk_rule(x, x->w->order[c->first + i], &s, &e);
		if (e.how & END_ACCEPT)
			ending_add(ret, END_ACCEPT, &e.accept);
		if (e.how & END_RETURN)
			ending_add(ret, END_ON, &e.ret);
		if (e.how & END_DROP)
			ending_add(ret, END_DROP, &e.drop);
		if (!(e.how & END_ON)) {
			x->depth--;
			x->doubt = doubt;
			return;
		}
		x->doubt |= (e.how & ~END_ON) != 0;
		s = e.on;
	}
	x->depth--;
	x->doubt = doubt;
	ending_add(ret, END_ON, &s);
}

/* The policy is a step as well, where the end may be reached. */
static void take_policy(struct walking *x, uint32_t chain, struct ending *e)
{
	bool drop = foreign_drops_rest(&x->w->f->chains[chain]);
	struct walk_step step = {
		.chain = chain, .rule = FOREIGN_NOWHERE,
		.term = FOREIGN_NOWHERE, .to = FOREIGN_NOWHERE,
		.matched = TRUTH_YES, .reached = reached(x),
		.verdict = drop ? FOREIGN_DROP : FOREIGN_ACCEPT,
	};
	struct walk_state s = e->on;

	if (!(e->how & END_ON))
		return;
	if (e->how & ~END_ON)
		step.reached = TRUTH_MAYBE;
	record(x, &step);
	e->how &= (uint8_t)~END_ON;
	ending_add(e, drop ? END_DROP : END_ACCEPT, &s);
}

void walk_base_chain(struct walking *x, const struct stop *stop,
		     const struct walk_state *s, struct ending *ret)
{
	walk_rules(x, stop->chain, s, ret);
	if (!walk_is_over(x))
		take_policy(x, stop->chain, ret);
}
