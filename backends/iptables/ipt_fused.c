/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_fused.c: many services of one shape in few rules, over
 * ipsets that hold all their values.
 */
#include <string.h>

#include "backends/iptables/ipt_group.h"
#include "core/mem.h"

/* The kernel's set types that take a port look at these protocols alone. */
bool ipt_fused_knows(uint8_t proto, bool with_address)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP ||
	       (with_address && (proto == IPPROTO_SCTP ||
				 proto == IPPROTO_UDPLITE));
}

static bool has_wide_range(const struct port_set *s)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (s->v[i].last - s->v[i].first >= IPT_RANGE_MAX)
			return true;
	return false;
}

/* Would r as elements be out of all proportion to what it says? */
static bool is_sprawling(const struct ipt_group *g, const struct rule *r)
{
	uint64_t cost = fuse_cost(g->g, r);

	return cost > 256 && cost > 2 * fuse_dimensions(g->g, r);
}

static const struct origin *sole_origin(const struct rule *const *v, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (v[i]->origin != v[0]->origin)
			return NULL;
	return v[0]->origin;
}

/* Members that go into sets together, and over which parts. */
struct bucket {
	enum key_part part[3];
	size_t n_parts;
	const struct rule **v;
	size_t n;
};

/* Have the rules from `start` on look it up. */
static void look_up_since(const struct ipt_group *g, size_t start,
			  const enum key_part *part, size_t n_parts,
			  const struct image_set *s)
{
	for (size_t i = start; i < g->chain->n_rules; i++)
		ipt_group_lookup(&g->chain->rules[i], s, part, n_parts);
}

/* The set of b's members over its parts. */
static int make_set(const struct ipt_group *g, const struct bucket *b,
		    const struct image_set **ret)
{
	_cleanup_(elems_release) struct elems e = { 0 };
	int err = 0;

	fuse_init_elems(g->g, b->part, b->n_parts, &e);
	for (size_t i = 0; !err && i < b->n; i++)
		err = fuse_expand(b->v[i], b->part, b->n_parts, &e);
	if (!err)
		err = ipt_group_fit(g, b->v[0], &e);
	if (err)
		return err;
	*ret = ipt_group_set(g, NULL, b->part, &e);
	return *ret ? 0 : -ENOMEM;
}

/* Find or make it, and look it up in the rules. */
static int add_set(const struct ipt_group *g, const struct bucket *b,
		   size_t start)
{
	const struct ipt_set_of of = { .part = b->part, .n = b->n_parts };
	const struct image_set *s = ipt_shared_find(g, &of);
	int err = 0;

	if (!s) {
		err = make_set(g, b, &s);
		if (!err)
			err = ipt_shared_add(g, &of, s);
	}
	if (!err)
		look_up_since(g, start, b->part, b->n_parts, s);
	return err;
}

/* What the members share, as rules: one, but for ICMP types. */
static int emit_shared(const struct ipt_group *g, const struct rule *const *v,
		       size_t n)
{
	static const struct origin nobody;
	struct rule model = g->g->model;

	model.origin = sole_origin(v, n);
	if (!model.origin)
		model.origin = &nobody;
	return ipt_group_rows(g, &model);
}

static int emit_bucket(const struct ipt_group *g, const struct bucket *b)
{
	size_t start = g->chain->n_rules;
	int err = b->n ? emit_shared(g, b->v, b->n) : 0;

	return err || !b->n ? err : add_set(g, b, start);
}

/* (address, port) of both sides: the port says whose the addresses are. */
static int emit_pair(const struct ipt_group *g, const struct bucket *b)
{
	struct bucket one = *b;
	size_t start = g->chain->n_rules;
	int err = b->n ? emit_shared(g, b->v, b->n) : 0;

	one.n_parts = 2;
	if (!err && b->n)
		err = add_set(g, &one, start);
	one.part[1] = b->part[2];
	return err || !b->n ? err : add_set(g, &one, start);
}

/* The addresses of r in that part of the group */
static bool all_exact(const struct ipt_group *g, const struct rule *r,
		      unsigned int part)
{
	const struct prefix_set *s = g->g->part[part] == KEY_SADDR ?
					     &r->match.saddr : &r->match.daddr;

	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		if (!prefix_is_host(&p))
			return false;
	}
	return true;
}

enum way { WAY_OWN, WAY_SET, WAY_FLIPPED, WAY_PAIR, WAY_MAX_ };

/*
 * How r's values get into a set. Kernels do not all have types for two
 * networks, so of two addresses one must be exact, and comes first.
 */
static enum way way_of(const struct ipt_group *g, const struct rule *r)
{
	const struct port_set *ports = ipt_group_ports(g, r);
	size_t n = ipt_group_parts(g);

	if (!ports)
		return n == 1 && !is_sprawling(g, r) ? WAY_SET : WAY_OWN;
	if (!ipt_fused_knows(r->match.proto, true) || has_wide_range(ports))
		return WAY_OWN;
	if (n == 2)
		return is_sprawling(g, r) ? WAY_OWN : WAY_SET;
	if (is_sprawling(g, r))
		return WAY_PAIR;
	return all_exact(g, r, 1) ? WAY_SET :
	       all_exact(g, r, 2) ? WAY_FLIPPED :
				    WAY_PAIR;
}

/* Add `d` to the count of each port that r has; true: one was taken. */
static bool count_ports(const struct ipt_group *g, const struct rule *r,
			uint8_t *count, bool add)
{
	const struct port_set *s = ipt_group_ports(g, r);
	bool shared = false;

	for (size_t i = 0; i < s->n; i++)
		for (unsigned int p = s->v[i].first; p <= s->v[i].last; p++) {
			shared |= count[p] > 1;
			if (add && count[p] < 2)
				count[p]++;
		}
	return shared;
}

/* Two lookups stand for a product only where no other member has the port. */
static int demote_shared_ports(const struct ipt_group *g, enum way *way)
{
	_cleanup_free_ uint8_t *count = calloc(65536, 1);

	if (!count)
		return -ENOMEM;
	for (size_t i = 0; i < g->n; i++)
		if (way[i] == WAY_PAIR)
			count_ports(g, g->members[i], count, true);
	for (size_t i = 0; i < g->n; i++)
		if (way[i] == WAY_PAIR &&
		    count_ports(g, g->members[i], count, false))
			way[i] = WAY_OWN;
	return 0;
}

static void fill_bucket(const struct ipt_group *g, const enum way *way,
			enum way which, struct bucket *b)
{
	b->n_parts = ipt_group_parts(g);
	memcpy(b->part, g->g->part, b->n_parts * sizeof(*b->part));
	if (which == WAY_FLIPPED) {
		b->part[1] = g->g->part[2];
		b->part[2] = g->g->part[1];
	}
	b->n = 0;
	for (size_t i = 0; i < g->n; i++)
		if (way[i] == which)
			b->v[b->n++] = g->members[i];
}

int ipt_fused_emit(const struct ipt_group *g)
{
	_cleanup_free_ enum way *way = calloc(g->n, sizeof(*way));
	_cleanup_free_ const struct rule **v = calloc(g->n, sizeof(*v));
	struct bucket b = { .v = v };
	int err;

	if (!way || !v)
		return -ENOMEM;
	for (size_t i = 0; i < g->n; i++)
		way[i] = way_of(g, g->members[i]);
	err = demote_shared_ports(g, way);
	for (enum way w = WAY_SET; !err && w < WAY_MAX_; w++) {
		fill_bucket(g, way, w, &b);
		err = w == WAY_PAIR ? emit_pair(g, &b) : emit_bucket(g, &b);
	}
	for (size_t i = 0; !err && i < g->n; i++)
		if (way[i] == WAY_OWN)
			err = ipt_own_emit(g, g->members[i]);
	return err;
}

/* The wide ranges of r stay rules, the rest goes to e. */
static int split_ports(const struct ipt_group *g, const struct rule *r,
		       struct elems *e)
{
	bool src = g->g->part[0] == KEY_SPORT;
	_cleanup_(port_set_release) struct port_set wide = { 0 };
	const struct port_set *in = ipt_group_ports(g, r);
	struct rule rest = *r;
	int err = 0;

	for (size_t i = 0; !err && i < in->n; i++) {
		struct port_range p = in->v[i];
		uint8_t first[2] = { (uint8_t)(p.first >> 8),
				     (uint8_t)p.first };
		uint8_t last[2] = { (uint8_t)(p.last >> 8), (uint8_t)p.last };

		err = p.last - p.first >= IPT_RANGE_MAX ?
			      port_set_add(&wide, p) :
			      elems_add(e, first, last, r->origin);
	}
	if (err || !wide.n)
		return err;
	*(src ? &rest.match.sport : &rest.match.dport) = wide;
	return ipt_group_rows(g, &rest);
}

int ipt_fused_emit_ports(const struct ipt_group *g)
{
	_cleanup_(elems_release) struct elems e = { 0 };
	const struct image_set *s;
	size_t start;
	int err = 0;

	fuse_init_elems(g->g, g->g->part, 1, &e);
	for (size_t i = 0; !err && i < g->n; i++)
		err = split_ports(g, g->members[i], &e);
	if (err || !e.n)
		return err;
	err = ipt_group_fit(g, g->members[0], &e);
	start = g->chain->n_rules;
	if (!err)
		err = emit_shared(g, g->members, g->n);
	if (err)
		return err;
	s = ipt_group_set(g, NULL, g->g->part, &e);
	if (!s)
		return -ENOMEM;
	look_up_since(g, start, g->g->part, 1, s);
	return 0;
}
