/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/places_ask.c: what the host's rules do, as they are. */
#include "audit/echo.h"
#include "audit/lasting.h"
#include "audit/places_parts.h"
#include "core/mem.h"

struct here places_chain(struct search *x, uint32_t chain, bool plain)
{
	struct here h = { .chain = chain, .plain = plain };

	h.rules = walker_rules(x->w, chain, &h.n);
	return h;
}

bool places_is_on_stack(const struct search *x, uint32_t chain)
{
	for (uint32_t i = 0; i < x->depth; i++)
		if (x->stack[i] == chain)
			return true;
	return x->depth > DEPTH_MAX - 1;
}

uint32_t places_target(const struct search *x, const struct here *h,
		       const struct foreign_outcome *v)
{
	if (v->verdict != FOREIGN_JUMP && v->verdict != FOREIGN_GOTO)
		return FOREIGN_NOWHERE;
	return foreign_find_chain(x->f, x->f->chains[h->chain].table,
				  v->target);
}

/* What is no chain is an extension, whatever calls it: most log, or mark. */
bool places_goes_on(const struct search *x, const struct here *h,
		    uint32_t rule, const struct foreign_outcome *v)
{
	bool calls = v->verdict == FOREIGN_JUMP || v->verdict == FOREIGN_GOTO ||
		     v->verdict == FOREIGN_TARGET;

	if (!calls)
		return v->verdict == FOREIGN_NONE;
	return places_target(x, h, v) == FOREIGN_NOWHERE &&
	       walk_goes_on(x->f, &x->f->rules[rule], v->target);
}

/* ---- is there a rule, here or where rules here lead to, that ...? ---- */

struct question {
	/* ... does this with some of the lot */
	bool (*asks)(const struct search *x, uint32_t rule,
		     const struct fitting *y);
	bool deep;		/* said of chains that are not looked at */
};

static int any(struct search *x, uint32_t chain, const struct lot *lot,
	       const struct question *q, bool *ret);

static int any_branch(struct search *x, const struct here *h, uint32_t rule,
		      uint32_t branch, const struct lot *lot,
		      const struct question *q, bool *ret)
{
	_cleanup_(fitting_release) struct fitting y = { 0 };
	int err = fit_branch(x->f, rule, branch, lot, &y);
	uint32_t to;

	if (err || !y.fit || (!y.untracked && !y.tracked))
		return err;
	*ret |= q->asks(x, rule, &y);
	to = places_target(x, h, &y.verdict);
	return *ret || to == FOREIGN_NOWHERE ? 0 : any(x, to, lot, q, ret);
}

static int any(struct search *x, uint32_t chain, const struct lot *lot,
	       const struct question *q, bool *ret)
{
	struct here h = places_chain(x, chain, false);
	int err = 0;

	if (places_is_on_stack(x, chain)) {
		*ret |= q->deep;
		return 0;
	}
	x->stack[x->depth++] = chain;
	for (uint32_t i = 0; !err && !*ret && i < h.n; i++) {
		uint32_t n = fit_branches(x->f, h.rules[i]);

		for (uint32_t b = 0; !err && !*ret && b < n; b++)
			err = any_branch(x, &h, h.rules[i], b, lot, q, ret);
	}
	x->depth--;
	return err;
}

static bool accepts(const struct search *x, uint32_t rule,
		    const struct fitting *y)
{
	(void)x;
	(void)rule;
	return y->verdict.verdict == FOREIGN_ACCEPT;
}

/* Only where untracked packets would not come there is anything to do. */
static bool is_lasting(const struct search *x, uint32_t rule,
		       const struct fitting *y)
{
	return y->tracked && !y->untracked &&
	       (lasting_bans(x->f, x->w, rule, y) || lasting_adds(x->f, rule));
}

static bool drops(const struct search *x, uint32_t rule,
		  const struct fitting *y)
{
	return foreign_drops(y->verdict.verdict) || is_lasting(x, rule, y);
}

int places_meets(struct search *x, uint32_t chain, const struct lot *lot,
		 bool accept, bool *ret)
{
	const struct question q = { .asks = accept ? accepts : drops };

	return any(x, chain, lot, &q, ret);
}

static bool sees(const struct search *x, uint32_t rule,
		 const struct fitting *y)
{
	(void)x;
	(void)rule;
	return y->untracked != y->tracked;
}

int places_is_blind(struct search *x, uint32_t chain, const struct lot *lot,
		    bool *ret)
{
	static const struct question q = { .asks = sees, .deep = true };
	bool some = false;
	int err = any(x, chain, lot, &q, &some);

	*ret = !some;
	return err;
}

static bool counts(const struct search *x, uint32_t rule,
		   const struct fitting *y)
{
	(void)y;
	return echo_counts(x->f, rule);
}

int places_counts(struct search *x, uint32_t chain, const struct lot *lot,
		  bool *ret)
{
	static const struct question q = { .asks = counts };

	return any(x, chain, lot, &q, ret);
}

/* ---- can a rule decide about anything? ---- */

static bool chain_decides(struct search *x, uint32_t chain)
{
	struct here h = places_chain(x, chain, false);
	bool decides = places_is_on_stack(x, chain);

	if (decides)
		return true;
	x->stack[x->depth++] = chain;
	for (uint32_t i = 0; !decides && i < h.n; i++)
		decides = x->f->rules[h.rules[i]].verdict != FOREIGN_RETURN &&
			  places_decides(x, &h, h.rules[i]);
	x->depth--;
	return decides;
}

bool places_decides(struct search *x, const struct here *h, uint32_t rule)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	const struct foreign_outcome v = { r->verdict, r->target };
	uint32_t to = places_target(x, h, &v);

	if (foreign_has_term(x->f, r, TERM_VMAP))
		return true;
	return to != FOREIGN_NOWHERE ? chain_decides(x, to) :
				       !places_goes_on(x, h, rule, &v);
}
