/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/places_pass.c: ahead of a rule that drops packets for their state. */
#include "audit/echo.h"
#include "audit/places_parts.h"
#include "core/mem.h"

/* Do all rules there mean packets of whatever state? */
static bool is_blind(struct search *x, uint32_t chain)
{
	struct here h = places_chain(x, chain, false);
	bool blind = !places_is_on_stack(x, chain);

	if (!blind)
		return false;
	x->stack[x->depth++] = chain;
	for (uint32_t i = 0; blind && i < h.n; i++) {
		const struct foreign_rule *r = &x->f->rules[h.rules[i]];
		const struct foreign_outcome v = { r->verdict, r->target };
		uint32_t to = places_target(x, &h, &v);

		blind = !(r->features & FEATURE_BIT(STATE)) &&
			(to == FOREIGN_NOWHERE || is_blind(x, to));
	}
	x->depth--;
	return blind;
}

/* So many rules are repeated ahead of one; bans by the thousand are not. */
#define REPLAY_MAX 64

/* What the host does with a lot behind a rule that drops it for its state. */
struct replay {
	const struct lot *lot;
	uint32_t at;		/* of that rule */
	uint32_t n;		/* rules to be repeated */
	unsigned int turn;	/* of the one that was put last */
	bool puts;
	bool found;		/* it comes to accept the lot */
	bool ends;
};

/* One behind the other, in the order of the host's. */
static int replay_put(struct search *x, const struct here *h, struct replay *p,
		      const struct match *m, const char *words)
{
	struct lot next = *p->lot;
	int err;

	next.rule.turn = p->turn;
	err = places_put(x, h, p->at, &next, m, words);
	p->turn = x->turn;
	return err;
}

static int replay_rule(struct search *x, const struct here *h, uint32_t i,
		       const struct fitting *y, struct replay *p)
{
	uint32_t to = places_target(x, h, &y->verdict);
	/* The match says all of it: no chain is needed for the words. */
	bool plain = y->verdict.verdict == FOREIGN_ACCEPT && !y->echoed;
	const char *words = NULL;
	int err = 0;

	p->ends = y->rest == FIT_UNSURE || p->n == REPLAY_MAX ||
		  (places_is_drop(y->verdict.verdict) && y->fit == FIT_ALL) ||
		  (to != FOREIGN_NOWHERE && !is_blind(x, to));
	if (!p->ends && !plain)
		err = echo_words(x->f, h->rules[i], y->echoed, &y->verdict,
				 &words);
	p->ends |= (!words && !plain) || y->verdict.verdict == FOREIGN_GOTO;
	if (err || p->ends)
		return err;
	p->n++;
	return p->puts ? replay_put(x, h, p, &y->match, words) : 0;
}

static int replay_accept(struct search *x, const struct here *h,
			 struct replay *p)
{
	p->ends = p->found = true;
	return p->puts ? replay_put(x, h, p, &p->lot->rule.match, NULL) : 0;
}

static int replay_next(struct search *x, const struct here *h, uint32_t i,
		       struct replay *p)
{
	_cleanup_(fitting_release) struct fitting y = { 0 };
	struct lot precise = *p->lot;
	int err;

	precise.precise = true;
	p->ends = fit_branches(x->f, h->rules[i]) > 1;
	err = p->ends ? 0 : fit_branch(x->f, h->rules[i], 0, &precise, &y);
	if (err || p->ends || !y.fit || !y.tracked ||
	    places_goes_on(x, h, h->rules[i], &y.verdict))
		return err;
	if (y.verdict.verdict == FOREIGN_ACCEPT && y.fit == FIT_ALL)
		return replay_accept(x, h, p);
	return replay_rule(x, h, i, &y, p);
}

static int replay_rest(struct search *x, const struct here *h,
		       struct replay *p)
{
	const struct host_chain *c = &x->f->chains[h->chain];
	int err = 0;

	p->n = 0;
	p->ends = p->found = false;
	for (uint32_t i = p->at + 1; !err && !p->ends && i < h->n; i++)
		err = replay_next(x, h, i, p);
	if (err || p->ends || !c->hook || foreign_drops_rest(c))
		return err;
	return replay_accept(x, h, p);
}

/*
 * Behind a rule that drops them for having no state the host would accept the
 * lot: so it is accepted ahead, but for what stands between the two.
 */
int places_pass_by(struct search *x, const struct here *h, uint32_t at,
		   const struct lot *lot, bool *ret)
{
	struct replay p = { .lot = lot, .at = at };
	int err = replay_rest(x, h, &p);

	*ret = p.found;
	p.puts = true;
	return err || !p.found ? err : replay_rest(x, h, &p);
}
