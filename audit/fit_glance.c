/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/fit_glance.h"

#include <string.h>

static bool is_listed(const struct foreign *f, const struct term *t)
{
	return t->kind == TERM_MATCH && t->n_fields == 1 && !t->negated &&
	       !t->either && !t->masked && f->sets[t->set].known &&
	       !f->sets[t->set].name;
}

bool fit_misses_ports(const struct foreign *f, const struct term *t,
		      const struct match *m)
{
	const struct key_set *set = &f->sets[t->set];
	const struct port_set *s = t->field[0] == FIELD_DPORT ? &m->dport :
				   t->field[0] == FIELD_SPORT ? &m->sport :
							       NULL;

	for (uint32_t i = 0; s && i < set->n; i++) {
		const struct key_range *r = &f->ranges[set->first + i];
		uint16_t first = (uint16_t)(r->first[0] << 8 | r->first[1]);
		uint16_t last = (uint16_t)(r->last[0] << 8 | r->last[1]);

		for (size_t k = 0; k < s->n; k++)
			if (s->v[k].first <= last && s->v[k].last >= first)
				return false;
	}
	return s && s->n;
}

bool fit_misses(const struct foreign *f, const struct foreign_rule *r,
		const struct match *m)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (is_listed(f, t) && fit_misses_ports(f, t, m))
			return true;
	}
	return false;
}

static bool is_one_address(const struct foreign *f, const struct term *t,
			   const struct match *m)
{
	const struct key_range *r;

	if (!is_listed(f, t) || f->sets[t->set].n != 1)
		return false;
	r = &f->ranges[f->sets[t->set].first];
	return ((t->field[0] == FIELD_SADDR && !m->saddr.n) ||
		(t->field[0] == FIELD_DADDR && !m->daddr.n)) &&
	       !memcmp(r->first, r->last, TERM_KEY_MAX);
}

bool fit_picks_one(const struct foreign *f, const struct foreign_rule *r,
		   const struct match *m)
{
	bool picks = false;

	if (r->verdict == FOREIGN_JUMP || r->verdict == FOREIGN_GOTO)
		return false;
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_VMAP || term_is_state(t))
			return false;
		picks |= is_one_address(f, t, m);
	}
	return picks;
}
