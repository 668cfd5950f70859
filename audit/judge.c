/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/judge.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

#include "audit/judge_drop.h"
#include "audit/judge_entry.h"
#include "audit/judge_moves.h"
#include "audit/judge_source.h"
#include "core/mem.h"

static enum truth passes(uint8_t outcome)
{
	return outcome == WALK_ACCEPTED ? TRUTH_YES :
	       outcome == WALK_DROPPED ? TRUTH_NO : TRUTH_MAYBE;
}

/* Nothing follows from whether it matches; `add @set` may count elsewhere. */
static bool is_idle(const struct foreign *f, const struct walk_step *s)
{
	const struct foreign_text *raw = &f->rules[s->rule].raw;

	return s->verdict == FOREIGN_NONE &&
	       !(raw->n && memchr(raw->s, '@', raw->n));
}

/* Who sets the packet's mark; best, from what the entry has. */
static void note_mark(const struct foreign *f, const struct walk_step *s,
		      struct judged *ret)
{
	const struct foreign_rule *r = &f->rules[s->rule];

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		bool copies = t->kind == TERM_SET_MARK && t->take;

		if (t->kind != TERM_SET_MARK && t->kind != TERM_LOSE_MARK)
			continue;
		if (ret->mark == FOREIGN_NOWHERE || (copies && !ret->copies))
			ret->mark = s->rule;
		ret->copies |= copies;
	}
}

bool judge_leaves_template(const struct foreign *f, uint32_t rule)
{
	const struct foreign_rule *r = &f->rules[rule];

	return foreign_has_term(f, r, TERM_ZONE) ||
	       (r->verdict == FOREIGN_TARGET && r->target &&
		!strcmp(r->target, "CT") &&
		!foreign_has_term(f, r, TERM_NOTRACK));
}

/* Rules that took part, and that an entry is everything to. */
static void note_needs(const struct foreign *f, const struct walk *walk,
		       struct judged *ret)
{
	static const uint64_t helper = FEATURE_BIT(HELPER) |
				       FEATURE_BIT(SYNPROXY) |
				       FEATURE_BIT(FLOWOFFLOAD);
	static const uint64_t count = FEATURE_BIT(CONNLIMIT) |
				      FEATURE_BIT(CONNBYTES);

	for (size_t i = 0; i < walk->n_steps; i++) {
		const struct walk_step *s = &walk->steps[i];
		uint64_t has;

		if (s->matched == TRUTH_NO || s->rule == FOREIGN_NOWHERE)
			continue;
		has = f->rules[s->rule].features;
		note_mark(f, s, ret);
		if (ret->helper == FOREIGN_NOWHERE &&
		    foreign_has_term(f, &f->rules[s->rule],
				     TERM_HELPER))
			ret->helper = s->rule;
		if (is_idle(f, s))
			continue;
		if (has & helper && ret->helper == FOREIGN_NOWHERE)
			ret->helper = s->rule;
		if (has & count && ret->count == FOREIGN_NOWHERE)
			ret->count = s->rule;
	}
}

/* Was conntrack told how to look at it? */
static bool has_template(const struct walk *walk)
{
	for (size_t i = 0; i < walk->n_phases; i++)
		if (walk->phases[i].chain == FOREIGN_NOWHERE &&
		    walk->phases[i].before.ct & CT_TEMPLATE)
			return true;
	return false;
}

static void note_zone(const struct foreign *f, const struct walk *walk,
		      struct judged *ret)
{
	for (size_t i = 0; i < walk->n_steps &&
			   ret->zone == FOREIGN_NOWHERE; i++) {
		const struct walk_step *s = &walk->steps[i];

		if (s->matched != TRUTH_NO && s->rule != FOREIGN_NOWHERE &&
		    judge_leaves_template(f, s->rule))
			ret->zone = s->rule;
	}
}

/* Rules that ask for the source of an error, each by itself, may disagree. */
static int judge_error(struct walker *w, const struct foreign *f,
		       const struct packet *p, const struct walk *walk,
		       struct judged_talk *talk)
{
	bool passes = false;
	int err = talk->passes == TRUTH_MAYBE ?
			  judge_source(w, f, p, walk, &passes) : 0;

	if (passes)
		talk->passes = TRUTH_YES;
	return err;
}

static int judge_talk(struct walker *w, const struct foreign *f,
		      const struct packet *p, enum talk t,
		      const struct judge_watch *watch, struct judged *ret,
		      struct walk_state *ret_after)
{
	_cleanup_(walk_release) struct walk walk = { 0 };
	struct judged_talk *talk = &ret->talk[t];
	int err = walk_run(w, p, &walk);

	if (err)
		return err;
	talk->there = true;
	talk->passes = passes(walk.outcome);
	memcpy(talk->mark, walk.mark, sizeof(talk->mark));
	*ret_after = walk.after;
	judge_drop(f, &walk, talk);
	if (t == TALK_FIRST)
		judge_passes(f, &walk, ret);
	if (talk_is_error(t))
		return judge_error(w, f, p, &walk, talk);
	ret->tracked = truth_or(ret->tracked, walk.tracked);
	judge_moves(f, &walk, t == TALK_ANSWER, ret);
	if (walk.tracked != TRUTH_NO)
		note_needs(f, &walk, ret);
	if (walk.tracked != TRUTH_NO || has_template(&walk))
		note_zone(f, &walk, ret);
	return watch && talk->passes == TRUTH_YES ?
		       watch->passed(&walk, p, t, watch->arg) : 0;
}

/* What follows a SYN-ACK may begin an entry, and be translated. */
static int judge_next(struct walker *w, const struct foreign *f,
		      const struct flow_space *sp, const struct packet *answer,
		      const struct walk_state *after, struct judged *ret)
{
	_cleanup_(walk_release) struct walk walk = { 0 };
	struct packet p;
	int err;

	if (ret->talk[TALK_ANSWER].passes == TRUTH_NO ||
	    !(after->ct & NF_CT_STATE_INVALID_BIT) ||
	    !conversation_next(sp, answer, &p))
		return 0;
	err = walk_run(w, &p, &walk);
	if (!err)
		judge_moves(f, &walk, true, ret);
	return err;
}

static int judge_all(struct walker *w, const struct foreign *f,
		     const struct flow_space *sp, const struct flow_sample *s,
		     enum truth tracking, bool has_entry,
		     const struct judge_watch *watch, struct judged *ret)
{
	struct judge_entry e = { .there = has_entry };
	int err = 0;

	for (enum talk t = 0; !err && t < TALK_MAX_; t++) {
		struct walk_state after;
		struct packet p;

		if (!conversation_packet(sp, s, t, e.there, &p))
			continue;
		p.tracking = tracking;
		if (t != TALK_FIRST)
			judge_entry_put(&e, t, &p);
		err = judge_talk(w, f, &p, t, watch, ret, &after);
		if (!err && t == TALK_ANSWER)
			err = judge_next(w, f, sp, &p, &after, ret);
		if (!err)
			judge_entry_next(&e, t, &after, ret);
	}
	return err;
}

int judge_watched(struct walker *w, const struct foreign *f,
		  const struct flow_space *sp, const struct flow_sample *s,
		  enum truth tracking, bool has_entry,
		  const struct judge_watch *watch, struct judged *ret)
{
	static const struct judged nothing = {
		.helper = FOREIGN_NOWHERE, .count = FOREIGN_NOWHERE,
		.mark = FOREIGN_NOWHERE, .nat = FOREIGN_NOWHERE,
		.nat_from = FOREIGN_NOWHERE, .zone = FOREIGN_NOWHERE,
		.lost_by = FOREIGN_NOWHERE, .lost_maybe_by = FOREIGN_NOWHERE,
		.ports_by = FOREIGN_NOWHERE,
	};

	*ret = nothing;
	return judge_all(w, f, sp, s, tracking, has_entry, watch, ret);
}

int judge(struct walker *w, const struct foreign *f,
	  const struct flow_space *sp, const struct flow_sample *s,
	  enum truth tracking, bool has_entry, struct judged *ret)
{
	return judge_watched(w, f, sp, s, tracking, has_entry, NULL, ret);
}

enum truth judge_works(const struct judged *j)
{
	enum truth all = TRUTH_YES;

	for (enum talk t = 0; t < TALK_MAX_; t++)
		if (!talk_is_error(t) && j->talk[t].there)
			all = truth_and(all, j->talk[t].passes);
	return all;
}

static struct harm_found found(enum harm harm, bool maybe, enum talk talk,
			       const struct judged_talk *by)
{
	return (struct harm_found){ .harm = harm, .maybe = maybe,
				    .talk = talk, .rule = by->rule,
				    .chain = by->chain,
				    .by.base = FOREIGN_NOWHERE };
}

static bool is_worse(enum truth now, enum truth then)
{
	return now == TRUTH_YES ? then != TRUTH_YES :
	       now == TRUTH_MAYBE && then == TRUTH_NO;
}

static const struct judged_pass *pass_in(const struct judged *j, uint32_t base)
{
	for (size_t i = 0; i < j->n_passes; i++)
		if (j->pass[i].base == base)
			return &j->pass[i];
	return NULL;
}

/* The rule that lets it pass today, where another will not. */
static struct judged_pass passes_by(const struct judged *now,
				    const struct judged *then, uint32_t base)
{
	static const struct judged_pass none = { .base = FOREIGN_NOWHERE };
	const struct judged_pass *a = pass_in(now, base);
	const struct judged_pass *b = pass_in(then, base);

	return a && (!b || b->rule != a->rule) ? *a : none;
}

/* The first packet that would fare worse; only `errors` or all but these. */
static struct harm_found find_loss(const struct judged *now,
				   const struct judged *then, bool errors)
{
	struct harm_found h = { 0 };

	for (enum talk t = 0; !h.harm && t < TALK_MAX_; t++) {
		const struct judged_talk *a = &now->talk[t];
		const struct judged_talk *b = &then->talk[t];

		if (talk_is_error(t) != errors || !a->there ||
		    !is_worse(a->passes, b->passes))
			continue;
		h = found(errors ? HARM_ERRORS : HARM_CUT_OFF,
			  b->passes == TRUTH_MAYBE, t, b);
		if (t == TALK_FIRST)
			h.by = passes_by(now, then, b->base);
	}
	return h;
}

struct harm_found judge_loss(const struct judged *now,
			     const struct judged *then)
{
	return find_loss(now, then, false);
}

/* What stops it today is a rule that means it, not the default. */
static struct harm_found find_stopped(const struct judged *now, bool open,
				      enum truth passes)
{
	for (enum talk t = 0; t < TALK_MAX_; t++) {
		const struct judged_talk *a = &now->talk[t];

		if (talk_is_error(t) || !a->there || a->passes != passes ||
		    (open && a->by_default))
			continue;
		return found(a->by_ctmark ? HARM_COUNT : HARM_LET_IN,
			     a->passes == TRUTH_MAYBE, t, a);
	}
	return (struct harm_found){ 0 };
}

/* Rather the packet that is sure to be dropped than the first that may be. */
static struct harm_found find_gain(const struct judged *now, bool open)
{
	struct harm_found h = find_stopped(now, open, TRUTH_NO);

	return h.harm ? h : find_stopped(now, open, TRUTH_MAYBE);
}

static struct harm_found find_need(const struct judged *now, enum flow_way way)
{
	static const struct judged_talk nobody = { 0 };
	enum truth source = way == WAY_THROUGH ? now->source_moves :
						 now->source_lost;
	enum truth nat = truth_or(source, now->destination_moves);
	struct harm_found h = found(HARM_NONE, false, TALK_FIRST, &nobody);

	h.rule = h.chain = FOREIGN_NOWHERE;
	if (nat != TRUTH_NO) {
		h.harm = HARM_NAT;
		h.maybe = nat == TRUTH_MAYBE;
		h.rule = now->destination_moves == TRUTH_NO &&
			 way != WAY_THROUGH ? now->lost_by : now->nat;
	} else if (now->helper != FOREIGN_NOWHERE) {
		h.harm = HARM_HELPER;
		h.rule = now->helper;
	} else if (now->count != FOREIGN_NOWHERE) {
		h.harm = HARM_COUNT;
		h.rule = now->count;
	}
	return h;
}

/* What is not known on both sides may be the same. */
static bool marks_differ(const struct walk_mark *a, const struct walk_mark *b,
			 bool copied, bool *ret_maybe)
{
	uint32_t known = a->known & b->known;

	if (!a->met || !b->met)
		return false;
	*ret_maybe = !((a->value ^ b->value) & known);
	return !*ret_maybe || (copied && known != UINT32_MAX);
}

static struct harm_found find_mark(const struct judged *now,
				   const struct judged *then)
{
	for (enum talk t = 0; t < TALK_MAX_; t++) {
		const struct judged_talk *a = &now->talk[t];
		const struct judged_talk *b = &then->talk[t];
		struct harm_found h = found(HARM_MARK, false, t, a);

		h.rule = now->mark;
		h.chain = FOREIGN_NOWHERE;
		for (size_t i = 0; i < WALK_HOOKS; i++)
			if (a->there && b->there &&
			    marks_differ(&a->mark[i], &b->mark[i], now->copies,
					 &h.maybe))
				return h;
	}
	return (struct harm_found){ 0 };
}

/* What is worth no more than a word. */
static struct harm_found find_mild(const struct judged *now)
{
	struct harm_found h = { .mild = true, .rule = now->lost_maybe_by,
				.chain = FOREIGN_NOWHERE };

	if (h.rule != FOREIGN_NOWHERE) {
		h.harm = HARM_NAT;
		h.maybe = true;
	} else if (now->ports_by != FOREIGN_NOWHERE) {
		h.harm = HARM_PORTS;
		h.rule = now->ports_by;
	}
	return h;
}

static bool stays_tracked(const struct judged *now, const struct judged *then)
{
	return now->tracked == TRUTH_YES && then->tracked == TRUTH_YES;
}

static struct harm_found tracked_by(uint32_t rule)
{
	return (struct harm_found){ .harm = HARM_TRACKED, .rule = rule,
				    .chain = FOREIGN_NOWHERE };
}

/*
 * Where only some connections work, by what nobody knows of the first packet (a
 * mark, its owner), the same may let in what follows of that side, but not the
 * answers, which have none of it.
 */
static struct harm_found find_lost_answer(const struct judged *now,
					  const struct judged *then)
{
	const struct judged_talk *a = &now->talk[TALK_ANSWER];
	const struct judged_talk *b = &then->talk[TALK_ANSWER];

	return a->there && is_worse(a->passes, b->passes) ?
		       found(HARM_CUT_OFF, b->passes == TRUTH_MAYBE,
			     TALK_ANSWER, b) :
		       (struct harm_found){ 0 };
}

/* First packets find no entry anyway, wherever it hides. */
static bool needs_entry(enum talk talk)
{
	return talk == TALK_ANSWER || talk == TALK_LATER;
}

struct harm_found judge_compare(const struct judged *now,
				const struct judged *then, enum flow_way way,
				const struct judge_view *view)
{
	enum truth before = judge_works(now), after = judge_works(then);
	struct harm_found h = { 0 };

	if (before != TRUTH_NO)
		h = find_need(now, way);
	if (!h.harm && is_worse(before, after))
		h = judge_loss(now, then);
	if (!h.harm && stays_tracked(now, then) &&
	    then->zone != FOREIGN_NOWHERE)
		h = tracked_by(then->zone);
	if (!h.harm && before == TRUTH_MAYBE && after == TRUTH_MAYBE)
		h = find_lost_answer(now, then);
	if (!h.harm && before != TRUTH_YES && after != TRUTH_NO &&
	    (before == TRUTH_NO || after == TRUTH_YES))
		h = find_gain(now, view->open);
	if (!h.harm && before != TRUTH_NO && after != TRUTH_NO)
		h = find_loss(now, then, true);
	if (!h.harm && view->marks && before != TRUTH_NO && after != TRUTH_NO)
		h = find_mark(now, then);
	if (!h.harm && stays_tracked(now, then))
		h = tracked_by(FOREIGN_NOWHERE);
	if (!h.harm && before != TRUTH_NO)
		h = find_mild(now);
	h.hidden = needs_entry(h.talk) &&
		   (h.harm == HARM_CUT_OFF ? then->hidden :
		    h.harm == HARM_LET_IN && now->hidden);
	h.zone = h.harm == HARM_CUT_OFF ? then->zone : now->zone;
	return h;
}

struct harm_found judge_widens(const struct judged *now,
			       const struct judged *then)
{
	struct harm_found h = { 0 };

	if (judge_works(now) != TRUTH_YES && judge_works(then) == TRUTH_YES)
		h = find_gain(now, false);
	if (h.harm)
		h.harm = HARM_WIDER;
	return h;
}

struct harm_found judge_kept(const struct judged *now,
			     const struct judged *then)
{
	struct harm_found h = judge_loss(now, then);

	if (!h.harm && judge_works(now) != TRUTH_NO)
		h = find_need(now, WAY_WITHIN);
	if (h.harm == HARM_NAT && then->tracked == TRUTH_YES)
		h.harm = HARM_KEPT;
	else if (h.harm == HARM_HELPER || h.harm == HARM_COUNT)
		h.harm = HARM_NONE;
	return h;
}
