/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/fit_narrow.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "core/mem.h"

/* What is left of `s`, and how much of it that is. */
static int narrow(struct spans *s, const struct spans *values, bool negated,
		  enum fit *ret)
{
	_cleanup_(spans_release) struct spans left = { .width = s->width };
	int err = 0;

	for (size_t i = 0; !err && i < s->n; i++)
		err = spans_add(&left, &s->v[i]);
	if (!err)
		err = negated ? spans_cut(&left, values) :
				spans_keep(&left, values);
	if (err)
		return err;
	*ret = !left.n ? FIT_NONE : spans_equal(&left, s) ? FIT_ALL : FIT_PART;
	spans_release(s);
	*s = left;
	left = (struct spans){ 0 };
	return 0;
}

int narrow_ports(struct port_set *set, const struct spans *values,
		 bool negated, enum fit *ret)
{
	_cleanup_(spans_release) struct spans s = { 0 };
	struct port_set left = { 0 };
	int err = set->n ? spans_of_ports(set, &s) :
			   spans_fill(&s, sizeof(uint16_t));

	if (!err)
		err = narrow(&s, values, negated, ret);
	if (err || *ret != FIT_PART)
		return err;
	err = spans_to_ports(&s, &left);
	if (err) {
		port_set_release(&left);
		return err;
	}
	port_set_release(set);
	*set = left;
	return 0;
}

int narrow_addresses(struct prefix_set *set, uint8_t family,
		     const struct spans *values, bool negated, enum fit *ret)
{
	_cleanup_(spans_release) struct spans s = { 0 };
	struct prefix_set left = { 0 };
	int err = set->n ? spans_of_prefixes(set, family, &s) :
			   spans_fill(&s, family == AF_INET ? 4 : 16);

	if (!err)
		err = narrow(&s, values, negated, ret);
	if (err || *ret != FIT_PART)
		return err;
	err = spans_to_prefixes(&s, family, &left);
	if (err) {
		prefix_set_release(&left);
		return err;
	}
	prefix_set_release(set);
	*set = left;
	return 0;
}

/* An exact name, or all that begin with one. */
static void iface_of(const struct key_range *r, struct iface *ret)
{
	*ret = (struct iface){ .wild = memcmp(r->first, r->last,
					      TERM_KEY_MAX) != 0 };
	memcpy(ret->name, r->first, strnlen((const char *)r->first,
					    IFNAMSIZ - 1));
}

static bool contains(const struct iface *outer, const struct iface *inner)
{
	if (!outer->wild)
		return !inner->wild && !strcmp(outer->name, inner->name);
	return !strncmp(outer->name, inner->name, strlen(outer->name));
}

/* How much of `x` the ranges take; the part itself goes to `left`. */
static int narrow_iface(const struct iface *x, const struct spans *values,
			struct iface_set *left, enum fit *ret)
{
	int err = 0;

	*ret = FIT_NONE;
	for (size_t i = 0; !err && i < values->n; i++) {
		struct iface v;

		iface_of(&values->v[i], &v);
		if (contains(&v, x)) {
			*ret = FIT_ALL;
			return iface_set_add(left, x);
		}
		if (!contains(x, &v))
			continue;
		*ret = FIT_PART;
		err = iface_set_add(left, &v);
	}
	return err;
}

static int keep_ifaces(const struct iface_set *set, const struct spans *values,
		       struct iface_set *left, enum fit *ret)
{
	static const struct iface any = { .wild = true };
	size_t whole = 0, none = 0;
	int err = 0;

	if (!set->n)
		return narrow_iface(&any, values, left, ret);
	for (size_t i = 0; !err && i < set->n; i++) {
		enum fit one;

		err = narrow_iface(&set->v[i], values, left, &one);
		whole += one == FIT_ALL;
		none += one == FIT_NONE;
	}
	*ret = none == set->n ? FIT_NONE : whole == set->n ? FIT_ALL :
							     FIT_PART;
	return err;
}

/* No match says "any but these": of a wild card, nothing may be cut. */
static int cut_ifaces(const struct iface_set *set, const struct spans *values,
		      struct iface_set *left, enum fit *ret)
{
	int err = 0;

	*ret = set->n ? FIT_ALL : values->n ? FIT_UNSURE : FIT_ALL;
	for (size_t i = 0; !err && i < set->n; i++) {
		_cleanup_(iface_set_release) struct iface_set part = { 0 };
		enum fit one;

		err = narrow_iface(&set->v[i], values, &part, &one);
		if (one == FIT_PART)
			*ret = FIT_UNSURE;
		else if (one == FIT_ALL && *ret == FIT_ALL)
			*ret = FIT_PART;
		if (!err && one == FIT_NONE)
			err = iface_set_add(left, &set->v[i]);
	}
	if (*ret == FIT_PART && !left->n)
		*ret = FIT_NONE;
	return err;
}

int narrow_ifaces(struct iface_set *set, const struct spans *values,
		  bool negated, enum fit *ret)
{
	_cleanup_(iface_set_release) struct iface_set left = { 0 };
	int err = negated ? cut_ifaces(set, values, &left, ret) :
			    keep_ifaces(set, values, &left, ret);

	if (err || *ret != FIT_PART)
		return err;
	iface_set_normalize(&left);
	iface_set_release(set);
	*set = left;
	left = (struct iface_set){ 0 };
	return 0;
}

int narrow_icmp(struct match *m, const struct spans *values, bool negated,
		enum fit *ret)
{
	_cleanup_(spans_release) struct spans s = { .width = 1 };
	int err = m->n_icmp ? 0 : spans_fill(&s, 1);

	for (size_t i = 0; !err && i < m->n_icmp; i++)
		err = spans_add(&s, &(struct key_range){
			{ m->icmp[i].first }, { m->icmp[i].last } });
	spans_normalize(&s);
	if (!err)
		err = narrow(&s, values, negated, ret);
	if (err || *ret != FIT_PART)
		return err;
	if (s.n > MATCH_ICMP_MAX) {
		*ret = FIT_UNSURE;
		return 0;
	}
	for (size_t i = 0; i < s.n; i++)
		m->icmp[i] = (struct icmp_range){ s.v[i].first[0],
						  s.v[i].last[0] };
	m->n_icmp = (uint8_t)s.n;
	return 0;
}
