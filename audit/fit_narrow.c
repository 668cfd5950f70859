/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/fit_narrow.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "audit/inet_sets.h"
#include "core/mem.h"

/* All of `set` that is in `in`, too; FIT_PART: it is then *set. */
static int keep_numbers(struct port_set *set, const struct port_set *in,
			enum fit *ret)
{
	struct port_set left = { 0 };
	int err;

	*ret = FIT_ALL;
	if (ports_within(set, in))
		return 0;
	err = ports_meet(set, in, &left);
	if (err)
		return err;
	*ret = left.n ? FIT_PART : FIT_NONE;
	port_set_release(set);
	*set = left;
	return 0;
}

static int narrow_numbers(struct port_set *set, const struct port_set *listed,
			  bool negated, enum fit *ret)
{
	_cleanup_(port_set_release) struct port_set rest = { 0 };
	int err = negated ? ports_complement(listed, &rest) : 0;

	return err ? err : keep_numbers(set, negated ? &rest : listed, ret);
}

int narrow_ports(struct port_set *set, const struct values *values,
		 enum fit *ret)
{
	static const struct port_set none;
	_cleanup_(port_set_release) struct port_set s = { 0 }, listed = { 0 };
	int err = set->n ? port_set_copy(set, &s) : ports_complement(&none, &s);

	if (!err)
		err = ports_of_keys(values->v, values->n, 1, &listed);
	if (!err)
		err = narrow_numbers(&s, &listed, values->negated, ret);
	if (err || *ret != FIT_PART)
		return err;
	port_set_release(set);
	*set = s;
	s = (struct port_set){ 0 };
	return 0;
}

/* ICMP types are numbers as ports are, and lower ones. */
int narrow_icmp(struct match *m, const struct values *values, enum fit *ret)
{
	_cleanup_(port_set_release) struct port_set s = { 0 }, listed = { 0 };
	int err = m->n_icmp ? 0 :
		  port_set_add(&s, (struct port_range){ 0, UINT8_MAX });

	for (size_t i = 0; !err && i < m->n_icmp; i++)
		err = port_set_add(&s, (struct port_range){ m->icmp[i].first,
							    m->icmp[i].last });
	for (size_t i = 0; !err && i < values->n; i++)
		err = port_set_add(&listed, (struct port_range){
			values->v[i].first[0], values->v[i].last[0] });
	ports_join(&s);
	ports_join(&listed);
	if (!err)
		err = narrow_numbers(&s, &listed, values->negated, ret);
	if (err || *ret != FIT_PART)
		return err;
	if (s.n > MATCH_ICMP_MAX) {
		*ret = FIT_UNSURE;
		return 0;
	}
	for (size_t i = 0; i < s.n; i++)
		m->icmp[i] = (struct icmp_range){ (uint8_t)s.v[i].first,
						  (uint8_t)s.v[i].last };
	m->n_icmp = (uint8_t)s.n;
	return 0;
}

static int keep_addresses(struct prefix_set *set, uint8_t family,
			  const struct prefix_set *in, enum fit *ret)
{
	static const struct prefix_set none;
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 };
	struct prefix_set left = { 0 };
	int err = set->n ? prefix_set_copy(set, family, &s) :
			   prefixes_complement(&none, family, &s);

	if (err)
		return err;
	*ret = s.n ? FIT_ALL : FIT_NONE;
	if (prefix_set_within(&s, in))
		return 0;
	err = prefixes_meet(&s, in, &left);
	if (err)
		return err;
	*ret = left.n ? FIT_PART : FIT_NONE;
	if (left.n) {
		prefix_set_release(set);
		*set = left;
	}
	return 0;
}

int narrow_addresses(struct prefix_set *set, uint8_t family,
		     const struct values *values, enum fit *ret)
{
	_cleanup_(prefix_set_release) struct prefix_set listed = { 0 },
							rest = { 0 };
	int err = prefixes_of_keys(values->v, values->n, 1, family, NULL,
				   &listed);

	if (!err && values->negated)
		err = prefixes_complement(&listed, family, &rest);
	return err ? err : keep_addresses(set, family, values->negated ?
						       &rest : &listed, ret);
}

/* An exact name, or all that begin with one. */
static void iface_of(const struct key_range *r, struct iface *ret)
{
	*ret = (struct iface){ .wild = memcmp(r->first, r->last,
					      TERM_KEY_MAX) != 0 };
	memcpy(ret->name, r->first, strnlen((const char *)r->first,
					    IFNAMSIZ - 1));
}

static int keep_ifaces(const struct iface_set *set,
		       const struct iface_set *listed, struct iface_set *left,
		       enum fit *ret)
{
	static struct iface every = { .wild = true };
	const struct iface_set any = { .v = &every, .n = 1 };

	if (!set->n)
		set = &any;
	*ret = FIT_ALL;
	if (ifaces_within(set, listed))
		return 0;
	if (ifaces_meet(set, listed, left))
		return -ENOMEM;
	*ret = left->n ? FIT_PART : FIT_NONE;
	return 0;
}

static bool covers_some(const struct iface *x, const struct iface_set *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (iface_covers(x, &s->v[i]))
			return true;
	return false;
}

/* No match says "any but these": of a wild card, nothing may be cut. */
static int cut_ifaces(const struct iface_set *set,
		      const struct iface_set *listed, struct iface_set *left,
		      enum fit *ret)
{
	int err = 0;

	*ret = set->n || !listed->n ? FIT_ALL : FIT_UNSURE;
	for (size_t i = 0; !err && i < set->n; i++) {
		const struct iface_set one = { .v = &set->v[i], .n = 1 };

		if (ifaces_within(&one, listed)) {
			if (*ret == FIT_ALL)
				*ret = FIT_PART;
			continue;
		}
		if (covers_some(&set->v[i], listed))
			*ret = FIT_UNSURE;
		else
			err = iface_set_add(left, &set->v[i]);
	}
	if (*ret == FIT_PART && !left->n)
		*ret = FIT_NONE;
	return err;
}

int narrow_ifaces(struct iface_set *set, const struct values *values,
		  enum fit *ret)
{
	_cleanup_(iface_set_release) struct iface_set left = { 0 },
						      listed = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < values->n; i++) {
		struct iface x;

		iface_of(&values->v[i], &x);
		err = iface_set_add(&listed, &x);
	}
	if (!err)
		err = values->negated ?
			      cut_ifaces(set, &listed, &left, ret) :
			      keep_ifaces(set, &listed, &left, ret);
	if (err || *ret != FIT_PART)
		return err;
	iface_set_normalize(&left);
	iface_set_release(set);
	*set = left;
	left = (struct iface_set){ 0 };
	return 0;
}
