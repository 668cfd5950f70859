/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/replace_begin.c: rules for what may begin, or for what answers it. */
#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>

#include "audit/replace_parts.h"
#include "core/mem.h"

#define RULES_MAX 12		/* more: a chain */
#define ZONES_MAX 200		/* more: no replacement, where none can be */

static const struct key_range lo_name = { "lo", "lo" };
static const struct spans lo = { &lo_name, 1, true };

/* Of loopback both interfaces are one, but a hook sees one of them. */
static enum zone_dim lo_dim(uint8_t hook)
{
	return hook == NF_INET_LOCAL_OUT ? ZONE_OIF : ZONE_IIF;
}

static int narrow_lo(const struct job *j, const struct begin_want *w,
		     struct zone *z)
{
	struct zone only = zone_all(z->family);
	enum zone_dim dim = lo_dim(w->lo == LO_CUT ? w->hook : j->hook);
	int err = 0;

	if (w->lo != LO_CUT && w->lo != LO_ONLY)
		return 0;
	only.dim[dim] = lo;
	if (w->lo == LO_CUT) {
		err = spans_invert(j->x->a, zone_bytes(z->family, dim), &lo,
				   &only.dim[dim]);
	} else {
		z->dim[ZONE_IIF] = (struct spans){ 0 };
		z->dim[ZONE_OIF] = (struct spans){ 0 };
		z->dim[dim] = j->e.own.dim[dim];
	}
	return err ? err : zone_intersect(j->x->a, z, &only, z);
}

static int begin_zone(const struct job *j, const struct begin_want *w,
		      struct zone *ret)
{
	struct replacing *x = j->x;
	const uint32_t proto[][2] = { { w->proto, w->proto } };
	const uint32_t type[][2] = { { w->request, w->request } };
	struct zone own = w->mirrored ? zone_mirror(&j->e.own) : j->e.own;
	int err;

	err = narrow_lo(j, w, &own);
	if (err)
		return err;
	err = zone_limit(x->a, &own, ZONE_PROTO, proto, 1, false, ret);

	if (!err && w->request)
		err = zone_limit(x->a, ret, ZONE_ICMP, type, 1, false, ret);
	return err;
}

static int turn(const struct job *j, const struct begin_want *w,
		struct zone *z)
{
	uint32_t reply = w->request == 8 ? 0 : w->request + 1u;
	const uint32_t type[][2] = { { reply, reply } };

	if (w->mirrored)
		*z = zone_mirror(z);
	if (w->lo == LO_ONLY) {
		z->dim[ZONE_IIF] = (struct spans){ 0 };
		z->dim[ZONE_OIF] = (struct spans){ 0 };
		z->dim[lo_dim(j->hook)] = lo;
	}
	if (!w->request)
		return 0;
	return zone_limit(j->x->a, z, ZONE_ICMP, type, 1, false, z);
}

/* Nobody answers from the address of a group. */
static bool is_group(const struct zone *z)
{
	static const struct key_range groups[] = {
		{ { 224 }, { 255, 255, 255, 255 } },
		{ { 0xff }, { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			      0xff } },
	};
	struct spans s = { &groups[z->family != NFPROTO_IPV4], 1, true };

	return spans_within(&z->dim[ZONE_SRC], &s);
}

static void leave_out_lo(struct first *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++)
		if (!spans_within(&x->v[i].z.dim[ZONE_IIF], &lo))
			x->v[n++] = x->v[i];
	x->n = n;
}

static int entries(struct job *j, const struct begin_want *w,
		   struct first *ret)
{
	struct replacing *x = j->x;
	struct first all = { 0 };
	struct first_entry any = { zone_all(x->family), true };
	uint32_t chain = replace_main_chain(
		x, x->f->chains[j->r->chain].table, w->hook);
	struct view *v = NULL;
	struct zone z;
	int err = begin_zone(j, w, &z);

	if (!err && chain != FOREIGN_NOWHERE)
		err = replace_view(x, chain, &v);
	if (err)
		return err;
	all.v = &any;
	all.n = 1;
	err = first_within(x->a, v ? &v->fresh : &all, &z, ret);
	if (!err && w->lo == LO_NOT)
		leave_out_lo(ret);
	return err;
}

int begin_lo_only(struct job *j, struct zone *z)
{
	struct zone only = zone_all(z->family);

	only.dim[lo_dim(j->hook)] = lo;
	return zone_intersect(j->x->a, z, &only, z);
}

/* Does the first that any of them meets accept all of them? */
static bool takes_all(const struct first *x, const struct zone *z)
{
	size_t i = 0;

	while (i < x->n && !zone_meets(&x->v[i].z, z))
		i++;
	return i < x->n && x->v[i].accepts && zone_within(z, &x->v[i].z);
}

int begin_lo_is_open(struct job *j, uint8_t hook, uint32_t proto, bool *ret)
{
	struct replacing *x = j->x;
	const uint32_t protos[][2] = { { proto, proto } };
	uint32_t chain = replace_main_chain(
		x, x->f->chains[j->r->chain].table, hook);
	struct zone z = zone_all(x->family);
	struct view *v = NULL;
	int err = zone_limit(x->a, &z, ZONE_PROTO, protos, 1, false, &z);

	z.dim[lo_dim(hook)] = lo;
	*ret = true;
	if (err || chain == FOREIGN_NOWHERE)
		return err;
	err = replace_view(x, chain, &v);
	*ret = !err && takes_all(&v->fresh, &z);
	return err;
}

static size_t choices(const struct spans *s, size_t per_rule)
{
	return s->limited && s->n > 1 ? (s->n + per_rule - 1) / per_rule : 1;
}

static bool names_are_sayable(const struct spans *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!name_is_pattern(&s->v[i]))
			return false;
	return true;
}

/* One interface can be left out, and loopback by the addresses it has. */
static size_t count_names(const struct spans *s, const struct spans *others)
{
	if (others->n == 1 ||
	    (others->n == 2 && (name_is_lo(&others->v[0]) ||
				name_is_lo(&others->v[1]))))
		return 1;
	return names_are_sayable(s) ? s->n : 0;
}

/* Is it asked for in several spans? *ret: what is in none of them. */
static bool is_split(const struct job *j, const struct zone *z, size_t dim,
		     struct spans *ret)
{
	const struct spans *s = &z->dim[dim];

	if (spans_within(&j->e.own.dim[dim], s) || s->n < 2)
		return false;
	if (spans_invert(j->x->a, zone_bytes(z->family, (enum zone_dim)dim), s,
			 ret))
		j->x->lost = true;
	return true;
}

/* Sets hold all but names of which some are patterns, and others not. */
static size_t count_in_sets(const struct spans *s, const struct spans *others)
{
	return names_are_sayable(others) ? 1 : names_are_sayable(s) ? s->n : 0;
}

static size_t count_in_rules(size_t dim, const struct spans *s,
			     const struct spans *others)
{
	if (dim == ZONE_SPORT || dim == ZONE_DPORT)
		return choices(s, 7);
	if (dim == ZONE_IIF || dim == ZONE_OIF)
		return count_names(s, others);
	if (dim == ZONE_SRC || dim == ZONE_DST)
		return others->n > 4 || others->n > s->n ? s->n : 1;
	return others->n > 1 || dim == ZONE_ICMP ? s->n : 1;
}

/* So many rules say it; 0: none can. */
static size_t count_rules(const struct job *j, const struct zone *z)
{
	bool sets = job_has_sets(j);
	size_t end = sets ? ZONE_OIF + 1 : ZONE_MAX_, n = 1;

	for (size_t i = sets ? ZONE_IIF : 0; i < end; i++) {
		struct spans others = { 0 };

		if (is_split(j, z, i, &others))
			n *= sets ? count_in_sets(&z->dim[i], &others) :
				    count_in_rules(i, &z->dim[i], &others);
	}
	return n;
}

static int gather(struct job *j, const struct begin_want *w,
		  const struct first *in, struct zones *all, bool *ret_ok)
{
	struct zones l = { 0 };
	struct zone *v;
	size_t n = 0;
	int err = first_accepted(j->x->a, in, &l, ret_ok);

	if (err || !*ret_ok)
		return err;
	v = arena_alloc(j->x->a, all->n + l.n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (all->n)
		memcpy(v, all->v, all->n * sizeof(*v));
	for (size_t i = 0; !err && i < l.n; i++) {
		err = turn(j, w, &l.v[i]);
		if (!is_group(&l.v[i]) || !w->mirrored)
			v[all->n + n++] = l.v[i];
	}
	all->v = v;
	all->n += n;
	return err;
}

/* Names that no rule can ask for; *ret: all others, which some rules can. */
static int find_odd_names(const struct job *j, const struct spans *s,
			  struct spans *ret)
{
	int err = spans_invert(j->x->a, zone_bytes(j->x->family, ZONE_IIF), s,
			       ret);
	bool sayable = !err && names_are_sayable(ret);

	if (err || !s->limited ||
	    (job_has_sets(j) ? sayable || names_are_sayable(s) :
			       count_names(s, ret) != 0))
		ret->n = 0;
	else if (!sayable)
		err = -E2BIG;
	return err;
}

/* All interfaces but several: those leave a chain of their own. */
static int put_entry(struct job *j, struct rule_list *l,
		     struct stateless_rule r)
{
	_cleanup_(list_release) struct rule_list inner = { 0 };
	struct stateless_rule last = { .zone = j->e.own, .does = r.does };
	int err = 0;

	for (size_t dim = ZONE_IIF; !err && dim <= ZONE_OIF; dim++) {
		struct spans odd = { 0 };

		err = find_odd_names(j, &r.zone.dim[dim], &odd);
		for (size_t i = 0; !err && i < odd.n; i++) {
			struct stateless_rule other = { .zone = j->e.own,
							.does = DO_RETURN };

			other.zone.dim[dim] = (struct spans){ &odd.v[i], 1,
							      true };
			err = list_put(j, &inner, other);
		}
		if (odd.n)
			r.zone.dim[dim] = (struct spans){ 0 };
	}
	if (err || !inner.n)
		return err ? err : list_put(j, l, r);
	if (r.does != DO_TARGET)
		return -E2BIG;
	err = list_put(j, &inner, last);
	r.does = DO_CALL;
	if (!err)
		err = list_chain(j, &inner, &r.chain);
	return err ? err : list_put(j, l, r);
}

/* In order, what is refused leaves the chain. */
static int put_chain(struct job *j, struct rule_list *l,
		     const struct begin_want *w, struct first *in)
{
	_cleanup_(list_release) struct rule_list inner = { 0 };
	struct stateless_rule call = { .own = true, .asks = w->asks,
				       .does = DO_CALL };
	int err = job_proto(j, w->proto, &call.zone);

	for (size_t i = 0; !err && i < in->n; i++) {
		struct stateless_rule r = { .zone = in->v[i].z };

		r.does = in->v[i].accepts ? DO_TARGET : DO_RETURN;
		err = turn(j, w, &r.zone);
		if (!err && (!is_group(&r.zone) || !w->mirrored))
			err = put_entry(j, &inner, r);
	}
	if (err || !inner.n)
		return err;
	err = list_chain(j, &inner, &call.chain);
	return err ? err : list_put(j, l, call);
}

static int put_zones(struct job *j, struct rule_list *l,
		     enum stateless_does does, uint8_t asks,
		     struct zones *all)
{
	int err = all->n <= ZONES_MAX ? zones_join(j->x->a, all) : 0;

	for (size_t i = 0; !err && i < all->n; i++)
		err = list_put(j, l, (struct stateless_rule){
			.zone = all->v[i], .own = does == DO_TARGET,
			.asks = asks, .does = does });
	return err;
}

bool begin_is_short(const struct job *j, const struct zones *l, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		size_t one = count_rules(j, &l->v[i]);

		if (!one)
			return false;
		n += one;
	}
	return n <= max;
}

/* Is there anything among them that errors are about, but for ICMP's own? */
static int is_talk(struct job *j, const struct zone *z, bool *ret)
{
	const uint32_t icmp[][2] = { { job_icmp(j), job_icmp(j) } };
	struct zone others, requests;
	int err = zone_limit(j->x->a, z, ZONE_PROTO, icmp, 1, true, &others);

	if (!err)
		err = icmp_group_within(j->x->a, z, ICMP_REQUESTS, &requests);
	*ret = !err && (!zone_is_empty(&others) || !zone_is_empty(&requests));
	return err;
}

/* What is accepted; of a long list, before the refusals. */
static int list_begun(struct arena *a, const struct first *in,
		      struct zones *ret)
{
	bool ok = false;
	int err = first_accepted(a, in, ret, &ok);

	if (err || ok)
		return err;
	*ret = (struct zones){ .v = arena_alloc(a, in->n, sizeof(*ret->v)) };
	if (!ret->v)
		return -ENOMEM;
	for (size_t i = 0; i < in->n; i++)
		if (in->v[i].accepts)
			ret->v[ret->n++] = in->v[i].z;
	return 0;
}

/* All that may begin in the hook. */
static int find_begun(struct job *j, uint8_t hook, struct zones *ret)
{
	struct replacing *x = j->x;
	uint32_t chain = replace_main_chain(
		x, x->f->chains[j->r->chain].table, hook);
	struct first_entry any = { zone_all(x->family), true };
	const struct first everything = { .v = &any, .n = 1 };
	struct view *v = NULL;
	int err;

	if (chain == FOREIGN_NOWHERE)
		return list_begun(x->a, &everything, ret);
	err = replace_view(x, chain, &v);
	if (!err && !v->begun.v)
		err = list_begun(x->kept, &v->fresh, &v->begun);
	*ret = err ? (struct zones){ 0 } : v->begun;
	return err;
}

/* Of what begins in the hook, its destinations, or its sources. */
static int add_receivers(struct job *j, uint8_t hook, bool sources,
			 struct zones *all)
{
	struct replacing *x = j->x;
	struct zones in = { 0 };
	struct zone *out;
	int err = find_begun(j, hook, &in);

	if (err)
		return err;
	out = arena_alloc(x->a, all->n + in.n + 1, sizeof(*out));
	if (!out)
		return -ENOMEM;
	if (all->n)
		memcpy(out, all->v, all->n * sizeof(*out));
	all->v = out;
	for (size_t i = 0; !err && i < in.n; i++) {
		struct zone z = sources ? zone_mirror(&in.v[i]) : in.v[i];
		bool talk = false;

		err = is_talk(j, &in.v[i], &talk);
		if (!talk)
			continue;
		out = &all->v[all->n++];
		*out = zone_all(x->family);
		out->dim[ZONE_DST] = z.dim[ZONE_DST];
		out->dim[ZONE_OIF] = z.dim[ZONE_OIF];
	}
	return err;
}

int begin_receivers(struct job *j, struct zones *ret)
{
	bool here = j->hook != NF_INET_FORWARD;
	int err = add_receivers(j, here ? NF_INET_LOCAL_OUT : NF_INET_FORWARD,
				false, ret);

	if (!err)
		err = add_receivers(j, here ? NF_INET_LOCAL_IN :
					      NF_INET_FORWARD, true, ret);
	if (!err && ret->n <= ZONES_MAX)
		err = zones_join(j->x->a, ret);
	if (!err && !begin_is_short(j, ret, RULES_MAX)) {
		ret->v[0] = zone_all(j->x->family);
		ret->n = 1;
	}
	return err;
}

bool begin_is_of_lo(const struct zones *receivers)
{
	for (size_t i = 0; i < receivers->n; i++)
		if (!spans_within(&receivers->v[i].dim[ZONE_OIF], &lo))
			return false;
	return true;
}

int begin_put(struct job *j, struct rule_list *l, enum stateless_does does,
	      const struct begin_want *w, size_t n)
{
	bool calls = does == DO_TARGET && !job_leaves(j);
	struct zones all = { 0 };
	int err = j->x->full ? -E2BIG : 0;

	for (size_t i = 0; !err && i < n; i++) {
		_cleanup_(first_release) struct first in = { 0 };
		struct zones before = all;
		bool ok = true;

		err = entries(j, &w[i], &in);
		if (!err)
			err = gather(j, &w[i], &in, &all, &ok);
		if (err || (ok && begin_is_short(j, &all, calls ? RULES_MAX :
								  ZONES_MAX)))
			continue;
		if (!calls)
			return -E2BIG;
		all = before;
		err = put_chain(j, l, &w[i], &in);
	}
	return err ? err : put_zones(j, l, does, w[0].asks, &all);
}
