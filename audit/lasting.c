/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/lasting.h"

#include <string.h>

#include "audit/fit_glance.h"
#include "core/mem.h"

bool lasting_adds(const struct foreign *f, uint32_t rule)
{
	/* nft(8), "set statement"; iptables-extensions(8), "recent", "SET" */
	static const char *const words[] = {
		"add @", "update @", "delete @", "--set ", "--add-set ",
		"--del-set ",
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (foreign_text_has(&f->rules[rule].raw, words[i]))
			return true;
	return false;
}

static bool asks_named(const struct foreign *f, uint32_t rule)
{
	const struct foreign_rule *r = &f->rules[rule];

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if ((t->kind == TERM_MATCH || t->kind == TERM_VMAP) &&
		    f->sets[t->set].name)
			return true;
	}
	return false;
}

/* At its end it drops all that comes there: a ban would change nothing. */
static bool is_settled(const struct foreign *f, const struct walker *w,
		       uint32_t chain)
{
	uint32_t n;
	const uint32_t *rules = walker_rules(w, chain, &n);
	const struct foreign_rule *last = n ? &f->rules[rules[n - 1]] : NULL;

	return last && !last->n_terms && foreign_drops(last->verdict);
}

bool lasting_bans(const struct foreign *f, const struct walker *w,
		  uint32_t rule, const struct fitting *y)
{
	enum foreign_verdict v = y->verdict.verdict;

	/* what it has today is among what it may say as a whole */
	if (fit_named_map(f, rule))
		return y->whole_map;
	if (v == FOREIGN_JUMP || v == FOREIGN_GOTO) {
		uint32_t to = foreign_leads_to(f, &f->rules[rule], &y->verdict);

		return to != FOREIGN_NOWHERE && !is_settled(f, w, to);
	}
	return foreign_drops(v) && asks_named(f, rule);
}

bool lasting_is_elsewhere(const struct foreign *f, uint32_t rule,
			  const struct match *m)
{
	const struct foreign_rule *r = &f->rules[rule];

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_MATCH && t->n_fields == 1 && !t->negated &&
		    !t->masked && !t->either && f->sets[t->set].known &&
		    fit_misses_ports(f, t, m))
			return true;
	}
	return false;
}

bool lasting_lists_states(const struct foreign *f, uint32_t rule)
{
	const struct foreign_rule *r = &f->rules[rule];

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (!term_is_state(t) || t->negated || !f->sets[t->set].name)
			continue;
		if (t->kind == TERM_VMAP || (r->verdict != FOREIGN_ACCEPT &&
					     r->verdict != FOREIGN_NONE))
			return true;
	}
	return false;
}
