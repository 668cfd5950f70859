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

uint8_t zone_rule_states(const struct foreign *f,
			 const struct foreign_rule *r)
{
	uint8_t states = STATES_ALL;

	for (uint32_t i = 0; i < r->n_states; i++) {
		const struct foreign_states *s = &f->states[r->states + i];

		states &= s->negated ? (uint8_t)~s->mask : s->mask;
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
	if (!set->known || t->masked || !dims[t->field[0]].is_dim) {
		x->asked.exact = false;
		return 0;
	}
	return narrow(x, t, set);
}

/* An ICMP type and its code: of the code nothing is kept. */
static int take_icmp(struct asking *x, const struct term *t)
{
	const struct key_set *set = &x->f->sets[t->set];
	struct zone only = zone_all(x->z.family);
	struct key_range *v;
	int err;

	x->asked.exact = false;
	if (t->negated)
		return 0;
	v = arena_alloc(x->a, set->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->n; i++)
		v[i] = x->f->ranges[set->first + (size_t)i * set->n_fields];
	err = spans_of(x->a, 1, v, set->n, false, &only.dim[ZONE_ICMP]);
	return err ? err : zone_intersect(x->a, &x->z, &only, &x->z);
}

/* Matches that let so many packets pass, and no more. */
static bool counts(const char *name)
{
	static const char *const names[] = {
		"limit", "hashlimit", "recent", "connlimit", "quota",
		"quota2", "statistic", "random", "nth", "rateest", "meter",
		"dynset", "dstlimit", "iplimit", "numgen", "psd",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static int take_term(struct asking *x, const struct term *t)
{
	if (t->kind == TERM_OPAQUE) {
		x->asked.exact = false;
		x->asked.limited |= t->name && counts(t->name);
		return 0;
	}
	if (t->kind == TERM_VMAP) {
		x->asked.exact = false;
		return 0;
	}
	if (t->kind != TERM_MATCH || t->field[0] == FIELD_STATE)
		return 0;
	if (t->n_fields == 1)
		return take_field(x, t);
	if (t->n_fields == 2 && !t->either &&
	    t->field[0] == FIELD_ICMP_TYPE && t->field[1] == FIELD_ICMP_CODE)
		return take_icmp(x, t);
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
