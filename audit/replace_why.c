/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/replace_why.c: rules that have no stateless equivalent. */
#include "audit/needs.h"
#include "audit/replace.h"
#include "audit/zone_rule.h"

static bool is_translated(const struct foreign_states *s)
{
	return (s->kind == STATES_LISTED || s->kind == STATES_MAPPED) &&
	       !s->negated && s->mask && !(s->mask & STATES_ALL);
}

bool replace_is_translated(const struct foreign *f,
			   const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_states; i++)
		if (is_translated(&f->states[r->states + i]))
			return true;
	return false;
}

static const char *odd_states(const struct foreign *f,
			      const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_states; i++) {
		const struct foreign_states *s = &f->states[r->states + i];

		if (s->kind != STATES_LISTED && s->kind != STATES_MAPPED)
			return "looks the state up in a set or map";
		if (is_translated(s))
			return "matches translated connections";
	}
	return r->n_states && zone_knows_states(f, r) ? NULL :
		"matches the state in words that are not understood";
}

const char *replace_keeps(const struct foreign *f,
			  const struct foreign_rule *r)
{
	for (size_t i = 0; i < FEATURE_MAX_; i++)
		if (i != FEATURE_STATE && r->features >> i & 1 &&
		    needs_feature((enum foreign_feature)i))
			return needs_why((enum foreign_feature)i);
	return r->features & FEATURE_BIT(STATE) ? odd_states(f, r) : NULL;
}
