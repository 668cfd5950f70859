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

bool samples_lie_in(const struct search *x, const struct term *t,
		    const uint8_t *v)
{
	return find(x, &x->f->sets[t->set], v, 1);
}

struct key_range trial_whole(size_t n)
{
	struct key_range r = { 0 };

	memset(r.last, 0xff, n);
	return r;
}

/* Behind the range, or ahead of it, and in no other. */
static bool meet_beside(const struct search *x, enum flow_part p,
			const struct key_set *set, const struct key_range *r,
			uint8_t ret[16])
{
	size_t n = flow_part_bytes(x->space, p);
	struct key_range behind = trial_whole(n), ahead = trial_whole(n);

	return (key_next(r->last, n, behind.first) &&
		flow_space_meet(x->space, p, &behind, ret) &&
		!find(x, set, ret, n)) ||
	       (key_previous(r->first, n, ahead.last) &&
		flow_space_meet(x->space, p, &ahead, ret) &&
		!find(x, set, ret, n));
}

/* By another of the devices, if the end that is meant has one. */
static bool leave_device(const struct search *x, struct trial *t,
			 enum flow_part p, const struct key_set *set)
{
	const struct iface_set *all = x->space->devices;

	for (size_t i = 0; *t->s.key[p] && i < all->n; i++) {
		uint8_t v[TERM_KEY_MAX] = { 0 };

		memcpy(v, all->v[i].name, strnlen(all->v[i].name, 15));
		if (x->space->way == WAY_WITHIN || find(x, set, v, 16) ||
		    !flow_space_has_device(x->space, all->v[i].name))
			continue;
		memcpy(t->s.key[p], v, sizeof(v));
		return t->fixed[p] = true;
	}
	return false;
}

/* Out of the set. */
static bool leave(const struct search *x, struct trial *t, enum flow_part p,
		  const struct key_set *set)
{
	uint8_t v[16];

	if (!find(x, set, t->s.key[p], flow_part_bytes(x->space, p)))
		return true;
	if (t->fixed[p])
		return false;
	if (p == FLOW_IN || p == FLOW_OUT)
		return leave_device(x, t, p, set);
	for (uint32_t i = 0; i < set->n; i++) {
		const struct key_range *r =
			&x->f->ranges[set->first + (size_t)i * set->n_fields];

		if (!meet_beside(x, p, set, r, v))
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
