/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/places.c: down the chains that a lot passes, and what it meets. */
#include "audit/places_parts.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>

#include "audit/echo.h"
#include "audit/fit_glance.h"
#include "audit/lasting.h"
#include "core/intern.h"
#include "core/mem.h"

int places_note_unmet(struct search *x, uint32_t rule, const struct lot *lot,
		      const struct fitting *y)
{
	const struct unmet u = {
		.rule = rule, .origin = lot->rule.origin,
		.adds = !lasting_bans(x->f, x->w, rule, y),
	};

	if (lasting_is_elsewhere(x->f, rule, &lot->rule.match) ||
	    (u.adds && !lasting_adds(x->f, rule)))
		return 0;
	return stands_note_unmet(x->out, &u);
}

/* Does it send errors, not too many of them, about what is dropped behind? */
static bool only_answers(const struct foreign *f, const struct foreign_rule *r)
{
	bool only = r->verdict == FOREIGN_REJECT;

	for (uint32_t i = 0; only && i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		only = t->kind == TERM_OPAQUE ? !strcmp(t->name, "limit") :
			t->kind == TERM_MATCH && t->n_fields == 1 &&
				t->field[0] == FIELD_L4PROTO;
	}
	return only && !foreign_text_has(&r->raw, " over ");
}

/* Ahead of rules that merely log or answer what is about to be dropped. */
static uint32_t ahead_of_logs(struct search *x, const struct here *h,
			      uint32_t at)
{
	while (at && (!places_decides(x, h, h->rules[at - 1]) ||
		      only_answers(x->f, &x->f->rules[h->rules[at - 1]])))
		at--;
	return at;
}

/*
 * The kernel lets nobody ask for the socket of a packet where forwarded ones
 * or those that leave may come by: xt_socket.c, socket_mt*_reg.hooks, and
 * nft_socket_validate().
 */
static bool may_ask(const struct search *x, uint32_t chain,
		    const struct lot *lot)
{
	static const uint8_t arriving = 1u << NF_INET_PRE_ROUTING |
					1u << NF_INET_LOCAL_IN;

	return lot->rule.match.socket == SOCKET_ANY ||
	       !(x->hooks[chain] & ~arriving);
}

/* Does it drop what has gone over a limit, as chains against floods do? */
static int is_over_limit(const struct search *x, const struct here *h,
			 uint32_t at, const struct lot *lot, bool *ret)
{
	int err = 0;

	for (uint32_t i = 0; !err && !*ret && i < at; i++) {
		_cleanup_(fitting_release) struct fitting y = { 0 };

		if (x->f->rules[h->rules[i]].verdict != FOREIGN_RETURN ||
		    !echo_counts(x->f, h->rules[i]))
			continue;
		err = fit_branch(x->f, h->rules[i], 0, lot, &y);
		*ret = y.fit && (y.tracked || y.untracked);
	}
	return err;
}

/* Ahead of what drops all that came there; of what logs it, too. */
static int open_here(struct search *x, const struct here *h, uint32_t at,
		     const struct lot *lot)
{
	bool limits = false;
	int err = is_over_limit(x, h, at, lot, &limits);

	return err || limits ? err :
	       places_put(x, h, ahead_of_logs(x, h, at), lot,
			  &lot->rule.match, NULL);
}

/* A branch that looks at no state, or means tracked and untracked alike. */
static int take_alike(struct search *x, const struct here *h, uint32_t at,
		      const struct lot *lot, const struct fitting *y,
		      enum left *ret, bool *ends)
{
	enum foreign_verdict v = y->verdict.verdict;
	uint32_t to = places_target(x, h, &y->verdict);
	bool plain = h->plain && y->plain && y->fit == FIT_ALL;
	struct lot part = *lot;
	enum left left = LEFT_SOME;
	int err = 0;

	*ends = y->fit == FIT_ALL &&
		(foreign_decides(v) || foreign_leaves(v));
	if (y->fit == FIT_ALL && foreign_decides(v))
		*ret = LEFT_NONE;
	if (foreign_drops(v) && plain && lot->rule.open)
		return open_here(x, h, at, lot);
	if (to == FOREIGN_NOWHERE)
		return 0;
	if (y->fit == FIT_PART)
		part.rule.match = y->match;
	err = may_ask(x, to, lot) ?
		      places_scan(x, to, &part, plain, &left) :
		      places_ahead(x, h, at, to, &part, &left);
	if (y->fit == FIT_ALL && left == LEFT_NONE) {
		*ret = LEFT_NONE;
		*ends = true;
	}
	return err;
}

/* One that takes them by the state that they will no longer have. */
static int take_tracked(struct search *x, const struct here *h, uint32_t at,
			const struct lot *lot, const struct fitting *y,
			enum left *ret, bool *ends)
{
	int err;

	if (y->verdict.verdict != FOREIGN_ACCEPT || y->fit == FIT_UNSURE)
		return places_repeat(x, h, at, lot, y, ret, ends);
	*ends = y->fit == FIT_ALL;
	if (*ends)
		*ret = LEFT_NONE;
	err = places_put(x, h, at, lot, &y->match, NULL);
	/* what it does besides */
	return err ? err : places_note_unmet(x, h->rules[at], lot, y);
}

/* One that takes them by the state that they will have. */
static int take_untracked(struct search *x, const struct here *h, uint32_t at,
			  const struct lot *lot, const struct fitting *y,
			  enum left *ret, bool *ends)
{
	enum foreign_verdict v = y->verdict.verdict;
	bool found = false;
	int err = 0;

	if (v == FOREIGN_ACCEPT) {
		found = y->fit == FIT_ALL;
		err = places_carve(x, h, at, lot, y);
	} else if (v != FOREIGN_RETURN &&
		   !places_goes_on(x, h, h->rules[at], &y->verdict)) {
		err = places_pass_by(x, h, at, lot, &found);
	}
	*ends = found;
	if (found)
		*ret = LEFT_NONE;
	return err;
}

/* It does nothing else: neither logs, nor marks, nor adds to a set. */
static bool only_accepts(const struct foreign *f, const struct foreign_rule *r)
{
	static const char *const does[] = { "log", "add @", "update @" };
	bool only = !r->alters;

	for (uint32_t i = 0; only && i < r->n_terms; i++)
		only = f->terms[r->terms + i].kind == TERM_MATCH ||
		       f->terms[r->terms + i].kind == TERM_VMAP;
	for (size_t i = 0; only && i < ARRAY_SIZE(does); i++)
		only = !foreign_text_has(&r->raw, does[i]);
	return only;
}

/*
 * Would the packets miss something if they were accepted ahead of the rule?
 * What it accepts by a state that they don't have, an accept rule does in its
 * place, or the words of a rule that says more.
 */
static bool is_missed(const struct search *x, const struct here *h,
		      uint32_t at, const struct fitting *y)
{
	if (y->verdict.verdict != FOREIGN_ACCEPT || !y->tracked)
		return true;
	return y->untracked ? !only_accepts(x->f, &x->f->rules[h->rules[at]]) :
			      y->fit == FIT_UNSURE;
}

static int take_branch(struct search *x, struct here *h, uint32_t at,
		       uint32_t branch, const struct lot *lot, bool tracked,
		       enum left *ret, bool *ends)
{
	_cleanup_(fitting_release) struct fitting y = { 0 };
	int err = fit_branch(x->f, h->rules[at], branch, lot, &y);

	if (err || !y.fit || (!y.tracked && !y.untracked) ||
	    y.tracked != tracked)
		return err;
	h->meets |= is_missed(x, h, at, &y);
	if (y.tracked && y.untracked)
		return take_alike(x, h, at, lot, &y, ret, ends);
	return y.tracked ? take_tracked(x, h, at, lot, &y, ret, ends) :
			   take_untracked(x, h, at, lot, &y, ret, ends);
}

/*
 * A map or a list of states that has a name may have other elements tomorrow,
 * and drop whom today's elements let in, or leave alone.
 */
static bool may_change(const struct foreign *f, const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		bool state = t->kind == TERM_MATCH &&
			     t->field[0] == FIELD_STATE;

		if ((state || t->kind == TERM_VMAP) && f->sets[t->set].name)
			return true;
	}
	return false;
}

/* What a map does with the tracked ones, in whatever order it is listed. */
static int take_rule(struct search *x, struct here *h, uint32_t at,
		     const struct lot *lot, enum left *ret, bool *ends)
{
	uint32_t n = fit_branches(x->f, h->rules[at]);
	int err = 0;

	for (uint32_t b = 0; !err && !*ends && b < n; b++)
		err = take_branch(x, h, at, b, lot, true, ret, ends);
	for (uint32_t b = 0; !err && !*ends && b < n; b++)
		err = take_branch(x, h, at, b, lot, false, ret, ends);
	return err;
}

/* Does the rule send some of them back to where they came from? */
static int returns(const struct search *x, const struct here *h, uint32_t at,
		   const struct lot *lot, bool *ret)
{
	uint32_t rule = h->rules[at], n = fit_branches(x->f, rule);
	int err = 0;

	/* a verdict map may return, too */
	if (n == 1 && x->f->rules[rule].verdict != FOREIGN_RETURN)
		return 0;
	for (uint32_t b = 0; !err && !*ret && b < n; b++) {
		_cleanup_(fitting_release) struct fitting y = { 0 };

		err = fit_branch(x->f, rule, b, lot, &y);
		*ret = y.fit && y.tracked && y.untracked &&
		       y.verdict.verdict == FOREIGN_RETURN;
	}
	return err;
}

/* Logs are gone past right ahead of what drops: see ahead_of_logs(). */
static void look_past(struct search *x, struct here *h, uint32_t at)
{
	bool decides = (h->meets || h->clear != h->clear_of_logs) &&
		       places_decides(x, h, h->rules[at]);

	if (decides)
		h->clear_of_logs = h->clear;
	if (h->meets)
		h->clear = at + 1;
	if (h->meets && decides)
		h->clear_of_logs = h->clear;
	h->meets = false;
}

static int scan_rules(struct search *x, struct here *h,
		      const struct lot *lot, enum left *ret, bool *ends)
{
	bool some = false;
	int err = 0;

	for (uint32_t i = 0; !err && !*ends && i < h->n; i++) {
		const struct foreign_rule *r = &x->f->rules[h->rules[i]];

		h->meets = may_change(x->f, r);
		if (!fit_misses(x->f, r, &lot->rule.match)) {
			err = take_rule(x, h, i, lot, ret, ends);
			if (!err && !some)
				err = returns(x, h, i, lot, &some);
		}
		look_past(x, h, i);
	}
	if (some)
		*ret = LEFT_SOME;
	return err;
}

static int scan(struct search *x, struct here *h, const struct lot *lot,
		enum left *ret)
{
	bool ends = false;
	int err;

	*ret = LEFT_SOME;
	if (places_is_on_stack(x, h->chain) || !may_ask(x, h->chain, lot)) {
		h->clear = h->clear_of_logs = h->n;
		return 0;
	}
	x->stack[x->depth++] = h->chain;
	err = scan_rules(x, h, lot, ret, &ends);
	x->depth--;
	return err;
}

int places_scan(struct search *x, uint32_t chain, const struct lot *lot,
		bool plain, enum left *ret)
{
	struct here h = places_chain(x, chain, plain);

	return scan(x, &h, lot, ret);
}

int places_scan_base(struct search *x, uint32_t chain, const struct lot *lot)
{
	struct here h = places_chain(x, chain, true);
	bool drops = foreign_drops_rest(&x->f->chains[chain]);
	enum left left;
	int err = drops ? 0 : places_meets(x, chain, lot, false, &drops);

	if (err || !drops)
		return err;
	err = scan(x, &h, lot, &left);
	if (err || left == LEFT_NONE || !lot->rule.open ||
	    !foreign_drops_rest(&x->f->chains[chain]))
		return err;
	return places_put(x, &h, ahead_of_logs(x, &h, h.n), lot,
			  &lot->rule.match, NULL);
}
