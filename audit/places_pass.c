/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/places_pass.c: what the host does with tracked ones, ahead of it. */
#include "audit/echo.h"
#include "audit/places_parts.h"
#include "core/mem.h"

/* So many rules are repeated ahead of one; bans by the thousand are not. */
#define REPLAY_MAX 64

/* Rules of the host's that are repeated ahead of one of them. */
struct replay {
	const struct here *h;	/* its chain, ... */
	uint32_t at;		/* and place there */
	uint32_t n;		/* rules to be repeated */
	unsigned int turn;	/* of the one that was put last */
	bool puts;		/* false: just look */
	bool carves;		/* what is dropped has to be dropped ahead */
	bool opens;		/* ... but for what is dropped by default */
	bool by_default;	/* only plain jumps lead to where it looks */
	bool accepts, drops;	/* some of them are, or may be */
};

enum replayed {
	REPLAY_ON,		/* some are left */
	REPLAY_END,		/* ... and leave the chain here */
	REPLAY_DONE,		/* all are decided about */
	REPLAY_STUCK,		/* it cannot be repeated */
};

/* One behind the other, in the order of the host's. */
static int replay_put(struct search *x, struct replay *p,
		      const struct lot *lot, const struct match *m,
		      const char *words)
{
	struct lot next = *lot;
	int err;

	if (!p->puts)
		return 0;
	next.rule.turn = p->turn;
	err = places_put(x, p->h, p->at, &next, m, words);
	p->turn = x->turn;
	return err;
}

/* Does one of a map's verdicts lead to a chain, or back from this one? */
static bool leads_on(const struct foreign *f, const struct key_set *map)
{
	for (uint32_t i = 0; i < map->n; i++) {
		enum foreign_verdict v =
			f->outcomes[map->outcome + i].verdict;

		if (v != FOREIGN_NONE && !foreign_decides(v))
			return true;
	}
	return false;
}

static int replay_words(struct search *x, struct replay *p, uint32_t rule,
			const struct lot *lot, const struct fitting *y,
			enum replayed *ret)
{
	enum foreign_verdict v = y->verdict.verdict;
	bool all = y->fit == FIT_ALL;
	/* The match says all of it: no chain is needed for the words. */
	bool plain = v == FOREIGN_ACCEPT && !y->echoed;
	const char *words = NULL;
	int err;

	*ret = all ? REPLAY_DONE : REPLAY_ON;
	if (p->opens && p->by_default && y->plain && foreign_drops(v))
		return 0;
	*ret = REPLAY_STUCK;
	if (y->whole_map && leads_on(x->f, fit_named_map(x->f, rule)))
		return 0;
	if (p->n++ == REPLAY_MAX ||
	    (!places_may_count(lot) && echo_counts(x->f, rule)))
		return 0;
	err = plain ? 0 : echo_words(x->f, rule, y->echoed, lot->syn,
				     &y->verdict, &words);
	if (err || (!plain && !words))
		return err;
	*ret = all && foreign_decides(v) ? REPLAY_DONE : REPLAY_ON;
	p->accepts |= v == FOREIGN_ACCEPT;
	p->drops |= foreign_drops(v) || y->whole_map;
	/* The host's rule is going to drop them. */
	if (*ret == REPLAY_DONE && foreign_drops(v) && y->untracked &&
	    !p->carves)
		return 0;
	return replay_put(x, p, lot, &y->match, words);
}

/* All rules there mean packets of whatever state: they may go there. */
static int replay_jump(struct search *x, struct replay *p, uint32_t rule,
		       uint32_t to, const struct lot *part,
		       const struct fitting *y, enum replayed *ret)
{
	bool leaves = y->verdict.verdict == FOREIGN_GOTO;
	bool all = y->fit == FIT_ALL;
	/* they come back out ahead of what drops by default there */
	bool opens = p->puts && p->opens && p->by_default && y->plain && all;
	enum left left = LEFT_SOME;
	bool counts = false;
	int err = 0;

	*ret = REPLAY_STUCK;
	if (!places_may_count(part))
		err = places_counts(x, to, part, &counts);
	if (!err)
		err = places_scan(x, to, part, opens, &left);
	if (err || counts || (leaves && !all && left != LEFT_NONE))
		return err;
	err = replay_words(x, p, rule, part, y, ret);
	if (!err)
		err = places_meets(x, to, part, true, &p->accepts);
	/* whatever it holds today */
	p->drops = true;
	if (*ret == REPLAY_ON && all)
		*ret = left == LEFT_NONE ? REPLAY_DONE :
		       leaves		 ? REPLAY_END : REPLAY_ON;
	return err;
}

static int replay_chain(struct search *x, struct replay *p, uint32_t chain,
			const struct lot *lot, enum replayed *ret);

static int replay_call(struct search *x, struct replay *p, uint32_t rule,
		       uint32_t to, const struct lot *lot,
		       const struct fitting *y, enum replayed *ret)
{
	bool leaves = y->verdict.verdict == FOREIGN_GOTO;
	bool all = y->fit == FIT_ALL;
	struct lot part = *lot;
	bool blind = true, by_default = p->by_default;
	int err;

	part.rule.match = y->match;
	part.precise = false;
	*ret = REPLAY_STUCK;
	err = places_is_blind(x, to, &part, &blind);
	if (err || (!blind && y->echoed))
		return err;
	if (blind)
		return replay_jump(x, p, rule, to, &part, y, ret);
	p->by_default &= y->plain;
	err = replay_chain(x, p, to, &part, ret);
	p->by_default = by_default;
	if (*ret == REPLAY_DONE && !all)
		*ret = REPLAY_ON;
	else if (*ret == REPLAY_ON && leaves)
		*ret = all ? REPLAY_END : REPLAY_STUCK;
	return err;
}

static int replay_branch(struct search *x, struct replay *p,
			 const struct here *h, uint32_t i, uint32_t branch,
			 const struct lot *lot, enum replayed *ret)
{
	_cleanup_(fitting_release) struct fitting y = { 0 };
	struct lot precise = *lot;
	uint32_t to;
	int err;

	precise.precise = true;
	*ret = REPLAY_ON;
	err = fit_branch(x->f, h->rules[i], branch, &precise, &y);
	if (err || !y.fit || !y.tracked ||
	    places_goes_on(x, h, h->rules[i], &y.verdict))
		return err;
	if (y.verdict.verdict == FOREIGN_RETURN || y.rest == FIT_UNSURE) {
		*ret = y.fit == FIT_ALL ? REPLAY_END : REPLAY_STUCK;
		return 0;
	}
	to = places_target(x, h, &y.verdict);
	return to == FOREIGN_NOWHERE ?
		       replay_words(x, p, h->rules[i], lot, &y, ret) :
		       replay_call(x, p, h->rules[i], to, lot, &y, ret);
}

static int replay_rules(struct search *x, struct replay *p,
			const struct here *h, uint32_t from,
			const struct lot *lot, enum replayed *ret)
{
	int err = 0;

	*ret = REPLAY_ON;
	for (uint32_t i = from; !err && *ret == REPLAY_ON && i < h->n; i++) {
		uint32_t n = fit_branches(x->f, h->rules[i]);
		/* a map with a name as a whole, and never by its elements */
		uint32_t b = fit_named_map(x->f, h->rules[i]) ? n - 1 : 0;

		for (; !err && *ret == REPLAY_ON && b < n; b++)
			err = replay_branch(x, p, h, i, b, lot, ret);
	}
	if (*ret == REPLAY_END)
		*ret = REPLAY_ON;
	return err;
}

static int replay_chain(struct search *x, struct replay *p, uint32_t chain,
			const struct lot *lot, enum replayed *ret)
{
	struct here h = places_chain(x, chain, false);
	int err;

	*ret = REPLAY_STUCK;
	if (places_is_on_stack(x, chain))
		return 0;
	x->stack[x->depth++] = chain;
	err = replay_rules(x, p, &h, 0, lot, ret);
	x->depth--;
	return err;
}

/* The policy decides about what comes to the end of its chain. */
static int replay_policy(struct search *x, struct replay *p,
			 const struct lot *lot, enum replayed *ret)
{
	static const struct foreign_outcome drop = { .verdict = FOREIGN_DROP };
	const struct host_chain *c = &x->f->chains[p->h->chain];
	const char *words = NULL;
	bool drops = foreign_drops_rest(c);
	int err = 0;

	if (!c->hook)
		return 0;
	*ret = REPLAY_DONE;
	if (p->opens && drops)
		return 0;
	p->accepts |= !drops;
	p->drops |= drops;
	if (drops != p->carves)
		return 0;
	if (drops)
		err = echo_words(x->f, p->h->rules[p->at], 0, lot->syn, &drop,
				 &words);
	return err ? err : replay_put(x, p, lot, &lot->rule.match, words);
}

/* All that stands behind that rule. */
static int replay_rest(struct search *x, struct replay *p,
		       const struct lot *lot, enum replayed *ret)
{
	int err;

	p->n = 0;
	p->accepts = p->drops = false;
	err = replay_rules(x, p, p->h, p->at + 1, lot, ret);
	return err || *ret != REPLAY_ON ? err : replay_policy(x, p, lot, ret);
}

int places_pass_by(struct search *x, const struct here *h, uint32_t at,
		   const struct lot *lot, bool *ret)
{
	struct replay p = { .h = h, .at = at };
	enum replayed end;
	int err = replay_rest(x, &p, lot, &end);

	*ret = end == REPLAY_DONE && p.accepts;
	p.puts = true;
	return err || !*ret ? err : replay_rest(x, &p, lot, &end);
}

/* Does a rule of the host's take some of them out of tracking? */
static int host_notracks(const struct search *x, const struct lot *lot,
			 bool *ret)
{
	int err = 0;

	for (uint32_t i = 0; !err && !*ret && i < x->f->n_rules; i++) {
		_cleanup_(fitting_release) struct fitting y = { 0 };

		if (!(x->f->rules[i].features & FEATURE_BIT(NOTRACK)) ||
		    foreign_is_gone(&x->f->rules[i]))
			continue;
		err = fit_branch(x->f, i, 0, lot, &y);
		*ret = y.fit;
	}
	return err;
}

/*
 * What stands behind the rule is met by none of them. A chain that lets some in
 * is no list of bans: how they fare there is known today.
 */
static int note_rest(struct search *x, const struct here *h, uint32_t at,
		     const struct lot *lot)
{
	int err = 0;

	for (uint32_t i = at + 1; !err && i < h->n; i++) {
		_cleanup_(fitting_release) struct fitting y = { 0 };
		uint32_t n = fit_branches(x->f, h->rules[i]), to;
		bool lets_in = false;

		/* the last one is that of a map with a name */
		err = n ? fit_branch(x->f, h->rules[i], n - 1, lot, &y) : 0;
		to = y.fit ? places_target(x, h, &y.verdict) : FOREIGN_NOWHERE;
		if (!err && to != FOREIGN_NOWHERE)
			err = places_meets(x, to, lot, true, &lets_in);
		if (!err && y.fit && y.tracked && !lets_in)
			err = places_note_unmet(x, h->rules[i], lot, &y);
	}
	return err;
}

int places_carve(struct search *x, const struct here *h, uint32_t at,
		 const struct lot *lot, const struct fitting *y)
{
	struct replay p = { .h = h, .at = at, .carves = true,
			    .opens = lot->rule.open, .by_default = h->plain };
	struct lot part = *lot;
	enum replayed end = REPLAY_STUCK;
	bool meant = lot->tracked != IS_NEW || y->fit == FIT_UNSURE;
	int err = meant ? 0 : host_notracks(x, lot, &meant);

	part.rule.match = y->match;
	if (!err && !meant)
		err = replay_rest(x, &p, &part, &end);
	if (!err && !meant && end == REPLAY_STUCK)
		return note_rest(x, h, at, &part);
	p.puts = true;
	return err || end != REPLAY_DONE || !p.drops ? err :
		replay_rest(x, &p, &part, &end);
}

int places_ahead(struct search *x, const struct here *h, uint32_t at,
		 uint32_t to, const struct lot *lot, enum left *ret)
{
	struct replay p = { .h = h, .at = at };
	enum replayed end = REPLAY_STUCK;
	bool blind;
	int err = places_is_blind(x, to, lot, &blind);

	if (!err)
		err = replay_chain(x, &p, to, lot, &end);
	*ret = end == REPLAY_DONE ? LEFT_NONE : LEFT_SOME;
	p.puts = true;
	p.n = 0;
	return err || blind || end == REPLAY_STUCK || !p.accepts ? err :
		replay_chain(x, &p, to, lot, &end);
}
