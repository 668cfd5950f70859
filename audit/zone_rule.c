/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/zone_rule.h"

#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>

#include "core/mem.h"

#define FLAG_SYN 0x02

struct asking {
	struct arena *a;
	const struct foreign *f;
	struct zone z;
	struct zone_asked asked;
};

/* NF_CT_STATE_BIT() of each */
static const struct {
	uint8_t state;
	uint32_t bit;
} states_of[] = {
	{ STATE_INVALID, 1 }, { STATE_ESTABLISHED, 2 }, { STATE_RELATED, 4 },
	{ STATE_NEW, 8 }, { STATE_UNTRACKED, 64 },
};

static uint32_t number(const uint8_t *key)
{
	return (uint32_t)key[0] << 24 | (uint32_t)key[1] << 16 |
	       (uint32_t)key[2] << 8 | key[3];
}

uint8_t zone_states_in(const struct foreign *f, const struct term *t,
		       uint32_t i)
{
	const struct key_range *r = &f->ranges[f->sets[t->set].first + i];
	uint32_t mask = t->masked ? number(t->mask) : UINT32_MAX;
	uint8_t states = 0;

	for (size_t k = 0; k < ARRAY_SIZE(states_of); k++)
		if ((states_of[k].bit & mask) >= number(r->first) &&
		    (states_of[k].bit & mask) <= number(r->last))
			states |= states_of[k].state;
	return states;
}

static bool is_of_state(const struct foreign *f, const struct term *t)
{
	return term_is_state(t) && f->sets[t->set].known;
}

const struct term *zone_state_map(const struct foreign *f,
				  const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];

		if (t->kind == TERM_VMAP && is_of_state(f, t))
			return t;
	}
	return NULL;
}

bool zone_knows_states(const struct foreign *f, const struct foreign_rule *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n_terms; i++)
		n += is_of_state(f, &f->terms[r->terms + i]);
	return n == r->n_states;
}

/* By the terms: what a dialect's words say is not always what they mean. */
uint8_t zone_rule_states(const struct foreign *f,
			 const struct foreign_rule *r)
{
	uint8_t states = STATES_ALL;

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		uint8_t in = 0;

		if (!is_of_state(f, t))
			continue;
		for (uint32_t k = 0; k < f->sets[t->set].n; k++)
			in |= zone_states_in(f, t, k);
		states &= t->negated ? (uint8_t)~in : in;
	}
	return states;
}

static const struct {
	bool is_dim;
	enum zone_dim dim;
} dims[FIELD_MAX_] = {
	[FIELD_L4PROTO] = { true, ZONE_PROTO },
	[FIELD_SADDR] = { true, ZONE_SRC },
	[FIELD_DADDR] = { true, ZONE_DST },
	[FIELD_SPORT] = { true, ZONE_SPORT },
	[FIELD_DPORT] = { true, ZONE_DPORT },
	[FIELD_IIF] = { true, ZONE_IIF },
	[FIELD_OIF] = { true, ZONE_OIF },
	[FIELD_ICMP_TYPE] = { true, ZONE_ICMP },
};

static int narrow(struct asking *x, const struct term *t,
		  const struct key_set *set)
{
	enum zone_dim dim = dims[t->field[0]].dim;
	struct zone only = zone_all(x->z.family);
	int err = spans_of(x->a, zone_bytes(x->z.family, dim),
			   x->f->ranges + set->first, set->n, t->negated,
			   &only.dim[dim]);

	return err ? err : zone_intersect(x->a, &x->z, &only, &x->z);
}

static bool holds(const struct foreign *f, const struct term *t, uint8_t value)
{
	const struct key_set *set = &f->sets[t->set];
	bool in = false;

	if (t->masked)
		value &= t->mask[0];
	for (uint32_t i = 0; i < set->n; i++) {
		const struct key_range *r = &f->ranges[set->first + i];

		in |= value >= r->first[0] && value <= r->last[0];
	}
	return in != t->negated;
}

static void ask_flags(struct asking *x, const struct term *t)
{
	if (x->asked.flags && !x->asked.takes_syn)
		return;
	x->asked.flags = true;
	x->asked.takes_syn = holds(x->f, t, FLAG_SYN);
}

/* Not of the first fragment's header: any packet but a later fragment. */
static bool is_header(const struct foreign *f, const struct term *t)
{
	return t->field[0] == FIELD_FRAGMENT && holds(f, t, 0);
}

static int take_field(struct asking *x, const struct term *t)
{
	const struct key_set *set = &x->f->sets[t->set];

	if (t->family && t->family != x->z.family) {
		x->asked.takes = false;
		return 0;
	}
	if (t->field[0] == FIELD_NFPROTO) {
		x->asked.takes &= holds(x->f, t, x->z.family);
		return 0;
	}
	if (t->field[0] == FIELD_TCP_FLAGS && set->known) {
		ask_flags(x, t);
		return 0;
	}
	if (is_header(x->f, t))
		return 0;
	/* A set with a name gets and loses members while rules are in force. */
	if (!set->known || set->name || t->masked ||
	    !dims[t->field[0]].is_dim) {
		x->asked.exact = false;
		return 0;
	}
	return narrow(x, t, set);
}

/* Of two fields, the first of which has a dimension of one byte. */
static bool is_pair(const struct term *t, enum packet_field first,
		    enum packet_field second)
{
	return t->n_fields == 2 && !t->either && t->field[0] == first &&
	       t->field[1] == second;
}

/*
 * An ICMP type and its code: of the code nothing is kept. So of the header that
 * follows IPv6's own, which is the protocol where there is no other.
 */
static int take_first(struct asking *x, const struct term *t)
{
	const struct key_set *set = &x->f->sets[t->set];
	enum zone_dim dim = dims[t->field[0]].dim;
	struct zone only = zone_all(x->z.family);
	struct key_range *v;
	int err;

	x->asked.exact = false;
	if (t->negated || !set->known || set->name || t->masked)
		return 0;
	v = arena_alloc(x->a, set->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n; i++)
		v[i] = x->f->ranges[set->first + (size_t)i * set->n_fields];
	err = spans_of(x->a, 1, v, set->n, false, &only.dim[dim]);
	return err ? err : zone_intersect(x->a, &x->z, &only, &x->z);
}

/*
 * Matches that let so many packets pass, and no more. Some keep their count
 * under a name, for all rules that say it; others within the rule.
 */
static void ask_count(struct asking *x, const char *name)
{
	static const struct {
		const char *name;
		bool alone;
	} rows[] = {
		{ "limit", true }, { "quota", true }, { "quota2", true },
		{ "statistic", true }, { "nth", true }, { "numgen", true },
		{ "numgen inc", true }, { "numgen random", false },
		{ "psd", true }, { "random", false }, { "hashlimit", false },
		{ "recent", false }, { "connlimit", false },
		{ "rateest", false }, { "meter", false }, { "dynset", false },
		{ "dstlimit", false }, { "iplimit", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcmp(name, rows[i].name) != 0)
			continue;
		x->asked.limited = true;
		x->asked.alone |= rows[i].alone;
	}
}

static int take_term(struct asking *x, const struct term *t)
{
	if (t->kind == TERM_OPAQUE) {
		x->asked.exact = false;
		if (t->name)
			ask_count(x, t->name);
		return 0;
	}
	if (t->n_fields == 1 && t->field[0] == FIELD_STATE)
		return 0;
	if (t->kind == TERM_VMAP) {
		x->asked.map = t;
		x->asked.takes &= !t->family || t->family == x->z.family;
		return 0;
	}
	if (t->kind != TERM_MATCH)
		return 0;
	if (t->n_fields == 1)
		return take_field(x, t);
	if (is_pair(t, FIELD_ICMP_TYPE, FIELD_ICMP_CODE) ||
	    is_pair(t, FIELD_L4PROTO, FIELD_FRAGMENT))
		return take_first(x, t);
	x->asked.exact = false;
	return 0;
}

int zone_of_rule(struct arena *a, const struct foreign *f,
		 const struct foreign_rule *r, uint8_t family,
		 struct zone *ret, struct zone_asked *ret_asked)
{
	struct asking x = { .a = a, .f = f, .z = zone_all(family) };
	int err = 0;

	x.asked = (struct zone_asked){ .exact = true, .takes = true,
				       .takes_syn = true };
	for (uint32_t i = 0; !err && i < r->n_terms; i++)
		err = take_term(&x, &f->terms[r->terms + i]);
	if (err)
		return err;
	if (!zone_rule_states(f, r) || zone_is_empty(&x.z))
		x.asked.takes = false;
	*ret = x.z;
	*ret_asked = x.asked;
	return 0;
}

/* Of range i of the map: what its fields ask, of the zone. */
static int narrow_part(struct arena *a, const struct foreign *f,
		       const struct term *t, uint32_t i, struct zone_part *p)
{
	const struct key_set *set = &f->sets[t->set];
	int err = 0;

	for (uint8_t k = 0; !err && k < t->n_fields; k++) {
		enum zone_dim dim = dims[t->field[k]].dim;
		struct zone only = zone_all(p->z.family);

		if (!dims[t->field[k]].is_dim || t->masked || t->either) {
			p->exact = false;
			continue;
		}
		err = spans_of(a, zone_bytes(only.family, dim),
			       &f->ranges[set->first +
					  (size_t)i * set->n_fields + k],
			       1, false, &only.dim[dim]);
		if (!err)
			err = zone_intersect(a, &p->z, &only, &p->z);
	}
	return err;
}

static int map_parts(struct arena *a, const struct foreign *f,
		     const struct term *t, uint8_t state,
		     const struct zone_part *like, struct zone_parts *ret)
{
	const struct key_set *set = &f->sets[t->set];
	bool by_state = t->n_fields == 1 && t->field[0] == FIELD_STATE;
	struct zone_parts l = { .v = arena_alloc(a, set->n, sizeof(*l.v)) };
	int err = l.v ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < set->n; i++) {
		const struct foreign_outcome *o =
			&f->outcomes[set->outcome + i];
		struct zone_part p = *like;

		if (by_state && !(zone_states_in(f, t, i) & state))
			continue;
		p.verdict = o->verdict;
		p.target = o->target;
		if (!by_state)
			err = narrow_part(a, f, t, i, &p);
		if (!err && !zone_is_empty(&p.z))
			l.v[l.n++] = p;
	}
	if (!err)
		*ret = l;
	return err;
}

int zone_parts_of(struct arena *a, const struct foreign *f,
		  const struct foreign_rule *r, const struct zone *z,
		  const struct zone_asked *asked, uint8_t state,
		  struct zone_parts *ret)
{
	const struct term *map = zone_state_map(f, r);
	struct zone_part *whole;

	if (!map)
		map = asked->map;
	whole = arena_alloc(a, 1, sizeof(*whole));
	if (!whole)
		return -ENOMEM;
	*whole = (struct zone_part){ *z, asked->exact, r->verdict, r->target };
	if (map && f->sets[map->set].known &&
	    f->sets[map->set].outcome != FOREIGN_NOWHERE)
		return map_parts(a, f, map, state, whole, ret);
	*ret = (struct zone_parts){ whole, 1 };
	return 0;
}
