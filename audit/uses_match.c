/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/uses_match.c: which packets may come to a rule. */
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>

#include "audit/uses.h"

typedef bool visit_term(const struct foreign *f, const struct term *t,
			uint32_t outcome, void *arg);

/* Until one says false. */
static bool each_term(const struct uses *u, const struct use *x,
		      visit_term *visit, void *arg)
{
	for (uint32_t i = 0; i < x->n_steps; i++) {
		const struct use_step *s = &u->steps[x->step + i];
		const struct foreign_rule *r = &u->f->rules[s->rule];

		for (uint32_t k = 0; k < s->n_terms; k++) {
			const struct term *t = &u->f->terms[r->terms + k];
			bool leads = s->outcome != FOREIGN_NOWHERE &&
				     k + 1 == s->n_terms;

			if (!visit(u->f, t, leads ? s->outcome :
						    FOREIGN_NOWHERE, arg))
				return false;
		}
	}
	return true;
}

static bool is_match(const struct term *t, uint32_t outcome)
{
	return t->kind == TERM_MATCH ||
	       (t->kind == TERM_VMAP && outcome != FOREIGN_NOWHERE);
}

static bool is_in(const uint8_t *value, const struct key_range *r, size_t n)
{
	return memcmp(value, r->first, n) >= 0 &&
	       memcmp(value, r->last, n) <= 0;
}

static bool field_is_in(const struct term *t, const struct sample *s, size_t i,
			const struct key_range *r)
{
	enum packet_field x = (enum packet_field)t->field[i];
	size_t bytes = packet_field_bytes(x);
	uint8_t v[TERM_KEY_MAX];

	if (!(s->known >> x & 1))
		return true;
	if ((x == FIELD_SADDR || x == FIELD_DADDR) &&
	    s->family == NFPROTO_IPV4)
		bytes = 4;
	memcpy(v, s->v[x], sizeof(v));
	for (size_t k = 0; t->masked && k < sizeof(v); k++)
		v[k] &= t->mask[k];
	return is_in(v, r, bytes);
}

static bool some_range_fits(const struct foreign *f, const struct term *t,
			    uint32_t outcome, const struct sample *s)
{
	const struct key_set *set = &f->sets[t->set];

	for (uint32_t i = 0; i < set->n; i++) {
		const struct key_range *r = &f->ranges[set->first +
						       i * set->n_fields];
		bool fits = !t->either;

		if (outcome != FOREIGN_NOWHERE && i != outcome)
			continue;
		for (size_t k = 0; k < t->n_fields; k++) {
			if (t->either)
				fits |= field_is_in(t, s, k, r);
			else
				fits &= field_is_in(t, s, k, r + k);
		}
		if (fits)
			return true;
	}
	return false;
}

static bool term_may(const struct foreign *f, const struct term *t,
		     uint32_t outcome, void *arg)
{
	const struct sample *s = arg;
	bool all_known = true;

	if (!is_match(t, outcome))
		return true;
	if (t->family && s->family && t->family != s->family)
		return false;
	for (size_t i = 0; i < t->n_fields; i++) {
		if (s->absent >> t->field[i] & 1)
			return false;
		all_known &= s->known >> t->field[i] & 1;
	}
	if (!f->sets[t->set].known)
		return true;
	if (t->negated)
		return !all_known || !some_range_fits(f, t, outcome, s);
	return some_range_fits(f, t, outcome, s);
}

static bool in_family(uint8_t table, uint8_t family)
{
	return !family || table == NFPROTO_INET || table == family;
}

bool use_may_take(const struct uses *u, const struct use *x,
		  const struct sample *s)
{
	uint8_t table = u->f->tables[u->f->chains[x->base].table].family;

	return in_family(table, s->family) &&
	       each_term(u, x, term_may, (void *)(uintptr_t)s);
}

struct wanted {
	enum packet_field field;
	const struct key_range *first;
	size_t n, stride;
	bool asks, is_opaque;
};

static bool take_field(const struct foreign *f, const struct term *t,
		       uint32_t outcome, void *arg)
{
	struct wanted *w = arg;
	const struct key_set *set;

	w->is_opaque |= t->kind == TERM_OPAQUE ||
			(t->kind == TERM_VMAP && !is_match(t, outcome));
	if (!is_match(t, outcome))
		return true;
	set = &f->sets[t->set];
	w->is_opaque |= !set->known || t->negated || t->masked;
	for (size_t i = 0; i < t->n_fields; i++) {
		if (t->field[i] != w->field)
			continue;
		w->asks = true;
		if (t->negated || t->masked || t->either || !set->known ||
		    w->first)
			continue;
		w->first = &f->ranges[set->first + i];
		w->stride = set->n_fields;
		w->n = set->n;
		if (outcome != FOREIGN_NOWHERE) {
			w->first += outcome * set->n_fields;
			w->n = 1;
		}
	}
	return true;
}

static struct wanted want(const struct uses *u, const struct use *x,
			  enum packet_field field)
{
	struct wanted w = { .field = field };

	each_term(u, x, take_field, &w);
	return w;
}

const struct key_range *use_ranges(const struct uses *u, const struct use *x,
				   enum packet_field field, size_t *ret_n,
				   size_t *ret_stride)
{
	struct wanted w = want(u, x, field);

	*ret_n = w.n;
	*ret_stride = w.stride;
	return w.n ? w.first : NULL;
}

bool use_asks(const struct uses *u, const struct use *x,
	      enum packet_field field)
{
	return want(u, x, field).asks;
}

bool use_is_opaque(const struct uses *u, const struct use *x)
{
	return want(u, x, FIELD_MAX_).is_opaque;
}

static bool ranges_meet(const struct key_range *a, size_t na, size_t sa,
			const struct key_range *b, size_t nb, size_t sb)
{
	for (size_t i = 0; i < na; i++)
		for (size_t k = 0; k < nb; k++)
			if (memcmp(a[i * sa].first, b[k * sb].last,
				   TERM_KEY_MAX) <= 0 &&
			    memcmp(b[k * sb].first, a[i * sa].last,
				   TERM_KEY_MAX) <= 0)
				return true;
	return false;
}

bool uses_meet(const struct uses *ua, const struct use *a,
	       const struct uses *ub, const struct use *b)
{
	for (unsigned int x = 0; x < FIELD_MAX_; x++) {
		size_t na, sa, nb, sb;
		const struct key_range *ra =
			use_ranges(ua, a, (enum packet_field)x, &na, &sa);
		const struct key_range *rb =
			use_ranges(ub, b, (enum packet_field)x, &nb, &sb);

		if (ra && rb && !ranges_meet(ra, na, sa, rb, nb, sb))
			return false;
	}
	return true;
}

/* Lies every range of the first in one range of the second? */
static bool ranges_within(const struct key_range *a, size_t na, size_t sa,
			  const struct key_range *b, size_t nb)
{
	for (size_t i = 0; i < na; i++) {
		size_t k = 0;

		while (k < nb && !(is_in(a[i * sa].first, &b[k],
					 TERM_KEY_MAX) &&
				   is_in(a[i * sa].last, &b[k], TERM_KEY_MAX)))
			k++;
		if (k == nb)
			return false;
	}
	return true;
}

bool use_implies(const struct uses *u, const struct use *x,
		 const struct foreign_rule *r)
{
	const struct foreign *f = u->f;

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		const struct key_range *have;
		const struct key_set *set;
		size_t n, stride;
		bool holds;

		if (t->kind == TERM_OPAQUE || t->kind == TERM_VMAP)
			return false;
		if (t->kind != TERM_MATCH)
			continue;
		set = &f->sets[t->set];
		if (t->masked || t->n_fields != 1 || !set->known)
			return false;
		have = use_ranges(u, x, (enum packet_field)t->field[0], &n,
				  &stride);
		if (!have)
			return false;
		holds = t->negated ?
			!ranges_meet(have, n, stride, &f->ranges[set->first],
				     set->n, 1) :
			ranges_within(have, n, stride, &f->ranges[set->first],
				      set->n);
		if (!holds)
			return false;
	}
	return true;
}

void sample_set(struct sample *s, enum packet_field x, const void *value)
{
	memcpy(s->v[x], value, packet_field_bytes(x));
	s->known |= UINT32_C(1) << x;
}

void sample_set_number(struct sample *s, enum packet_field x, uint32_t n)
{
	size_t bytes = packet_field_bytes(x);

	for (size_t i = 0; i < bytes; i++)
		s->v[x][i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
	s->known |= UINT32_C(1) << x;
}
