/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/places_repeat.c: what the host's rules do by state, in their words. */
#include <errno.h>

#include "audit/echo.h"
#include "audit/lasting.h"
#include "audit/places_parts.h"
#include "core/mem.h"

/*
 * A limit is for the first packet of a connection. Without TCP's flags no
 * packet is told to be the first.
 */
bool places_may_count(const struct lot *lot)
{
	return lot->tracked != IS_NEW || lot->syn;
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
	bool counts = false;
	int err = 0;

	part.rule.match = y->match;
	if (!places_may_count(lot))
		err = places_counts(x, to, &part, &counts);
	if (err)
		return err;
	if (counts) {
		*ret = LEFT_SOME;
		return -ENOENT;
	}
	return places_scan(x, to, &part, false, ret);
}

/*
 * The chains that a map with a name leads to today. Who returns from the
 * repeated rule, or from where it goes, would come back to another place.
 */
static int follow_map(struct search *x, const struct here *h, uint32_t rule,
		      const struct lot *lot, const struct fitting *y,
		      bool *ret_returns)
{
	const struct key_set *set = fit_named_map(x->f, rule);
	const char *last = NULL;
	int err = 0;

	for (uint32_t i = 0; !err && !*ret_returns && i < set->n; i++) {
		const struct foreign_outcome *v =
			&x->f->outcomes[set->outcome + i];
		uint32_t to = places_target(x, h, v);
		enum left left = LEFT_NONE;

		if (to != FOREIGN_NOWHERE && v->target != last)
			err = follow(x, to, lot, y, &left);
		last = v->target;
		*ret_returns = v->verdict == FOREIGN_RETURN ||
			       (v->verdict == FOREIGN_GOTO &&
				left != LEFT_NONE);
	}
	return err;
}

static int repeat(struct search *x, const struct here *h, uint32_t at,
		  const struct lot *lot, const struct fitting *y,
		  enum left *ret, bool *ends, bool *ret_put)
{
	enum foreign_verdict v = y->verdict.verdict;
	uint32_t rule = h->rules[at], to = places_target(x, h, &y->verdict);
	enum left left = foreign_decides(v) ? LEFT_NONE : LEFT_SOME;
	bool returns = false, extends = to == FOREIGN_NOWHERE &&
		(v == FOREIGN_TARGET || v == FOREIGN_JUMP || v == FOREIGN_GOTO);
	const char *words = NULL;
	int err = 0;

	if (y->rest == FIT_UNSURE || !is_noted(x, y, rule) ||
	    (!places_may_count(lot) && (echo_counts(x->f, rule) ||
					(extends && !y->whole_map))))
		return 0;
	err = echo_words(x->f, rule, y->echoed, lot->syn, &y->verdict,
			 &words);
	if (!err && words && to != FOREIGN_NOWHERE)
		err = follow(x, to, lot, y, &left);
	if (!err && words && y->whole_map)
		err = follow_map(x, h, rule, lot, y, &returns);
	if (err || !words || (v == FOREIGN_GOTO && left != LEFT_NONE) ||
	    returns)
		return err == -ENOENT ? 0 : err;
	*ends = y->fit == FIT_ALL && left == LEFT_NONE;
	if (*ends)
		*ret = LEFT_NONE;
	*ret_put = true;
	/* behind that rule: what its list says of UNTRACKED comes first */
	if (lasting_lists_states(x->f, rule))
		at++;
	return places_put(x, h, at, lot, &y->match, words);
}

/* What it does with the tracked ones, and a match cannot say. */
int places_repeat(struct search *x, const struct here *h, uint32_t at,
		  const struct lot *lot, const struct fitting *y,
		  enum left *ret, bool *ends)
{
	bool put = false;
	int err = repeat(x, h, at, lot, y, ret, ends, &put);

	return err || put ? err : places_note_unmet(x, h->rules[at], lot, y);
}
