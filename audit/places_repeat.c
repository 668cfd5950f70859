/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/places_repeat.c: what the host's rules do by state, in their words. */
#include <errno.h>

#include "audit/echo.h"
#include "audit/places_parts.h"
#include "core/mem.h"

/*
 * A limit is for the first packet of a connection. Without TCP's flags no
 * packet is told to be the first.
 */
static bool may_count(const struct lot *lot)
{
	return lot->tracked != IS_NEW || lot->syn;
}

static bool chain_counts(struct search *x, uint32_t chain)
{
	struct here h = places_chain(x, chain, false);
	bool counts = false;

	if (places_is_on_stack(x, chain))
		return false;
	x->stack[x->depth++] = chain;
	for (uint32_t i = 0; !counts && i < h.n; i++) {
		const struct foreign_rule *r = &x->f->rules[h.rules[i]];
		const struct foreign_outcome v = { r->verdict, r->target };
		uint32_t to = places_target(x, &h, &v);

		counts = echo_counts(x->f, h.rules[i]) ||
			 (to != FOREIGN_NOWHERE && chain_counts(x, to));
	}
	x->depth--;
	return counts;
}

/* Does the rule leave a trace of the packets that it lets go on? */
static bool is_noted(const struct search *x, const struct fitting *y,
		     uint32_t rule)
{
	enum foreign_verdict v = y->verdict.verdict;

	return v != FOREIGN_NONE || echo_counts(x->f, rule);
}

/* The way that the tracked ones go, into a chain of the host's. */
static int follow(struct search *x, uint32_t to, const struct lot *lot,
		  const struct fitting *y, enum left *ret)
{
	struct lot part = *lot;

	part.rule.match = y->match;
	if (!may_count(lot) && chain_counts(x, to)) {
		*ret = LEFT_SOME;
		return -ENOENT;
	}
	return places_scan(x, to, &part, false, ret);
}

/* What it does with the tracked ones, and a match cannot say. */
int places_repeat(struct search *x, const struct here *h, uint32_t at,
		  const struct lot *lot, const struct fitting *y,
		  enum left *ret, bool *ends)
{
	enum foreign_verdict v = y->verdict.verdict;
	uint32_t rule = h->rules[at], to = places_target(x, h, &y->verdict);
	enum left left = places_is_drop(v) || v == FOREIGN_ACCEPT ? LEFT_NONE :
							      LEFT_SOME;
	const char *words = NULL;
	int err = 0;

	if (y->rest == FIT_UNSURE || !is_noted(x, y, rule) ||
	    (!may_count(lot) && (echo_counts(x->f, rule) ||
				 v == FOREIGN_TARGET)))
		return 0;
	err = echo_words(x->f, rule, y->echoed, &y->verdict, &words);
	if (!err && words && to != FOREIGN_NOWHERE)
		err = follow(x, to, lot, y, &left);
	if (err || !words || (v == FOREIGN_GOTO && left != LEFT_NONE))
		return err == -ENOENT ? 0 : err;
	*ends = y->fit == FIT_ALL && left == LEFT_NONE;
	if (*ends)
		*ret = LEFT_NONE;
	return places_put(x, h, at, lot, &y->match, words);
}
