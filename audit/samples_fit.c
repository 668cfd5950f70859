/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/samples_fit.c: connections such as a rule asks for. */
#include "audit/samples_parts.h"

#include <arpa/inet.h>
#include <string.h>

#include <linux/netfilter.h>

static bool lies_in(const uint8_t *v, const struct key_range *r, size_t n)
{
	return memcmp(v, r->first, n) >= 0 && memcmp(v, r->last, n) <= 0;
}

static const struct key_range *find(const struct search *x,
				    const struct key_set *set,
				    const uint8_t *v, size_t n)
{
	const struct key_range *r = &x->f->ranges[set->first];

	for (uint32_t i = 0; i < set->n; i++)
		if (lies_in(v, &r[(size_t)i * set->n_fields], n))
			return &r[(size_t)i * set->n_fields];
	return NULL;
}

struct key_range trial_whole(size_t n)
{
	struct key_range r = { 0 };

	memset(r.last, 0xff, n);
	return r;
}

/* Out of the set: the value right behind, or right ahead of, some range. */
static bool leave(const struct search *x, struct trial *t, enum flow_part p,
		  const struct key_set *set)
{
	size_t n = flow_part_bytes(x->space, p);
	struct key_range gap = trial_whole(n);
	uint8_t v[16];

	if (!find(x, set, t->s.key[p], n))
		return true;
	if (t->fixed[p] || p == FLOW_IN || p == FLOW_OUT)
		return false;
	for (uint32_t i = 0; i < set->n; i++) {
		const struct key_range *r =
			&x->f->ranges[set->first + (size_t)i * set->n_fields];

		memset(gap.last, 0xff, n);
		if (!key_next(r->last, n, gap.first) ||
		    !flow_space_meet(x->space, p, &gap, v) ||
		    find(x, set, v, n))
			continue;
		memcpy(t->s.key[p], v, 16);
		return t->fixed[p] = true;
	}
	return false;
}

bool trial_enter(const struct search *x, struct trial *t, enum flow_part p,
		 const struct key_set *set, size_t field)
{
	size_t n = flow_part_bytes(x->space, p);

	for (uint32_t i = 0; i < set->n; i++) {
		const struct key_range *r =
			&x->f->ranges[set->first + (size_t)i * set->n_fields +
				      field];
		uint8_t v[16];

		if (lies_in(t->s.key[p], r, n)) {
			t->fixed[p] = true;
			return true;
		}
		if (t->fixed[p] || !flow_space_meet(x->space, p, r, v))
			continue;
		memcpy(t->s.key[p], v, 16);
		return t->fixed[p] = true;
	}
	return false;
}

/* Other fields are the walk's business. */
bool trial_satisfy(const struct search *x, struct trial *t,
		   const struct term *term)
{
	const struct key_set *set;
	uint8_t nf = x->space->family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (term->kind != TERM_MATCH || term->masked)
		return true;
	if (term->family && term->family != nf)
		return false;
	set = &x->f->sets[term->set];
	for (size_t i = 0; i < term->n_fields; i++) {
		enum flow_part p = flow_part_of(term->field[i], x->reply);

		if (p == FLOW_PART_MAX_)
			continue;
		if (term->negated && term->n_fields == 1)
			return leave(x, t, p, set);
		if (!term->negated && trial_enter(x, t, p, set, i)) {
			if (term->either)
				return true;
		} else if (!term->negated && !term->either) {
			return false;
		}
	}
	return true;
}
