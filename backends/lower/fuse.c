/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/lower/fuse.h"

#include <string.h>

#include "core/digest.h"
#include "core/mem.h"

static bool is_plain(const struct iface *i)
{
	return !i->wild && strcmp(i->name, "lo");
}

/* The interface set of the hook's own side, or NULL. */
static struct iface_set *iface_side(struct match *m)
{
	return m->iif.n ? &m->iif : m->oif.n ? &m->oif : NULL;
}

/* Of a rule that names both: the service's own, from where it is looked at. */
static enum key_part own_port(const struct rule *r)
{
	bool both = r->match.sport.n && r->match.dport.n;

	if (both)
		return r->leg == LEG_REQUEST ? KEY_DPORT : KEY_SPORT;
	return r->match.sport.n ? KEY_SPORT : KEY_DPORT;
}

/* An answer goes to whom the request came from. */
static void list_parts(struct fuse_group *g, const struct rule *r,
		       bool plain_iface)
{
	const struct match *m = &r->match;
	bool back = r->leg == LEG_REPLY;

	if (m->sport.n || m->dport.n)
		g->part[g->n_parts++] = own_port(r);
	if (back ? m->daddr.n : m->saddr.n)
		g->part[g->n_parts++] = back ? KEY_DADDR : KEY_SADDR;
	if (back ? m->saddr.n : m->daddr.n)
		g->part[g->n_parts++] = back ? KEY_SADDR : KEY_DADDR;
	if (plain_iface)
		g->part[g->n_parts++] = m->iif.n ? KEY_IIFNAME : KEY_OIFNAME;
}

/*
 * The model of r for one of its interfaces: `constant` stays in the model,
 * NULL means that the plain ones vary. A leg that is limited to some ports of
 * the other end as well varies in the service's, and keeps those for all
 * members.
 */
static int make_model(const struct rule *r, const struct iface *constant,
		      struct fuse_group *g)
{
	_cleanup_(match_release) struct match m = { 0 };
	struct match shared = r->match;		/* borrowed */
	struct iface_set *side;
	bool plain = false;
	int err;

	/* They vary in any case, and may be many. */
	shared.saddr = shared.daddr = (struct prefix_set){ 0 };
	err = match_copy(&shared, &m);
	if (err)
		return err;
	side = iface_side(&m);
	for (size_t i = 0; side && !constant && i < side->n; i++)
		plain |= is_plain(&side->v[i]);
	list_parts(g, r, plain);
	port_set_release(own_port(r) == KEY_SPORT ? &m.sport : &m.dport);
	if (side)
		side->n = 0;
	if (side && constant)
		err = iface_set_add(side, constant);
	else if (side)
		iface_set_release(side);
	if (err)
		return err;
	g->model = *r;
	g->model.match = m;
	g->family = m.family;
	m = (struct match){ 0 };
	return 0;
}

/* Rules of several services in one could not tell whose packets they count. */
static bool same_counter(const struct rule *a, const struct rule *b)
{
	const char *x = a->origin->service, *y = b->origin->service;

	return a->counts == b->counts &&
	       (!a->counts || !strcmp(x ? x : "", y ? y : ""));
}

static bool same_shape(const struct fuse_group *a, const struct fuse_group *b)
{
	return a->place == b->place && a->model.hook == b->model.hook &&
	       a->model.action == b->model.action &&
	       a->model.turn == b->model.turn &&
	       a->model.then == b->model.then &&
	       a->model.rank == b->model.rank && a->model.leg == b->model.leg &&
	       a->n_parts == b->n_parts &&
	       !memcmp(a->part, b->part, a->n_parts * sizeof(a->part[0])) &&
	       same_counter(&a->model, &b->model) &&
	       match_equal(&a->model.match, &b->model.match);
}

static int add_member(struct fuse_group *g, const struct rule *r)
{
	int err = mem_grow(&g->members, &g->cap_members, g->n_members + 1);

	if (err)
		return err;
	g->members[g->n_members++] = r;
	g->model.roles |= r->roles;
	return 0;
}

/* Groups of one shape have the same; those that have it may still differ. */
static uint32_t shape_digest(const struct fuse_group *g)
{
	const struct match *m = &g->model.match;
	const uint32_t plain[] = {
		g->model.hook, g->model.action, g->model.rank, g->model.leg,
		g->n_parts, m->family, m->proto, m->not_tcp, m->dst,
		m->src_local, m->ct, m->socket, m->not_syn, m->fragment_tail,
		m->n_icmp, g->model.turn, g->place,
	};
	uint64_t h = digest_add(DIGEST_START, plain, sizeof(plain));

	if (g->model.counts && g->model.origin->service)
		h = digest_add(h, g->model.origin->service,
			       strlen(g->model.origin->service));
	h = digest_add(h, g->part, g->n_parts * sizeof(g->part[0]));
	for (size_t i = 0; i < m->dport.n; i++)
		h = digest_add(h, &m->dport.v[i], sizeof(m->dport.v[i]));
	return digest_fold(h);
}

static const char *shape_name(const struct fuse_group *g)
{
	const struct match *m = &g->model.match;
	const struct iface_set *side = m->iif.n ? &m->iif : &m->oif;

	return side->n ? side->v[0].name : "";
}

static struct fuse_group *find_group(struct fuse *f,
				     const struct fuse_group *g)
{
	size_t i = name_index_find(&f->at, shape_name(g), shape_digest(g));

	for (; i < f->n; i++)
		if (same_shape(&f->v[i], g))
			return &f->v[i];
	return NULL;
}

static int add_group(struct fuse *f, const struct fuse_group *g)
{
	int err = mem_grow(&f->v, &f->cap, f->n + 1);

	if (!err)
		err = name_index_add(&f->at, shape_name(g), shape_digest(g));
	if (!err)
		f->v[f->n++] = *g;
	return err;
}

static int add_to(struct fuse *f, const struct rule *r, unsigned int place,
		  const struct iface *constant)
{
	struct fuse_group g = { .place = place }, *to;
	int err = make_model(r, constant, &g);

	if (err)
		return err;
	to = find_group(f, &g);
	if (!to)
		err = add_group(f, &g);
	if (to || err)
		match_release(&g.model.match);
	if (err)
		return err;
	return add_member(to ? to : &f->v[f->n - 1], r);
}

static int add_rule(struct fuse *f, const struct rule *r, unsigned int place)
{
	const struct iface_set *side = r->match.iif.n ? &r->match.iif :
							&r->match.oif;
	bool plain = !side->n;
	int err = 0;

	for (size_t i = 0; !err && i < side->n; i++) {
		if (is_plain(&side->v[i]))
			plain = true;
		else
			err = add_to(f, r, place, &side->v[i]);
	}
	return !err && plain ? add_to(f, r, place, NULL) : err;
}

int fuse_add(struct fuse *f, const struct ruleset *rs, unsigned int place)
{
	int err = 0;

	for (size_t i = 0; !err && i < rs->n; i++)
		err = add_rule(f, &rs->v[i], place);
	return err;
}

int fuse_rules(const struct ruleset *rs, struct fuse *ret)
{
	_cleanup_(fuse_release) struct fuse f = { 0 };
	int err = fuse_add(&f, rs, 0);

	if (err)
		return err;
	*ret = f;
	f = (struct fuse){ 0 };
	return 0;
}

static size_t part_size(enum key_part part, const struct match *m)
{
	const struct iface_set *side;
	size_t n = 0;

	switch (part) {
	case KEY_SPORT:
		return m->sport.n;
	case KEY_DPORT:
		return m->dport.n;
	case KEY_SADDR:
		return m->saddr.n;
	case KEY_DADDR:
		return m->daddr.n;
	case KEY_IIFNAME:
	case KEY_OIFNAME:
		side = part == KEY_IIFNAME ? &m->iif : &m->oif;
		for (size_t i = 0; i < side->n; i++)
			n += is_plain(&side->v[i]);
		return n;
	case KEY_DADDRTYPE:
	case KEY_PART_MAX_:
		break;
	}
	return 0;
}

uint64_t fuse_cost(const struct fuse_group *g, const struct rule *r)
{
	uint64_t cost = 1;

	for (unsigned int i = 0; i < g->n_parts; i++)
		cost *= part_size(g->part[i], &r->match);
	return cost;
}

uint64_t fuse_dimensions(const struct fuse_group *g, const struct rule *r)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < g->n_parts; i++)
		sum += part_size(g->part[i], &r->match);
	return sum;
}

enum field_type key_part_field(enum key_part part, uint8_t family)
{
	switch (part) {
	case KEY_SPORT:
	case KEY_DPORT:
		return FIELD_PORT;
	case KEY_SADDR:
	case KEY_DADDR:
		return family == AF_INET6 ? FIELD_ADDR6 : FIELD_ADDR4;
	case KEY_IIFNAME:
	case KEY_OIFNAME:
		return FIELD_IFNAME;
	case KEY_DADDRTYPE:
	case KEY_PART_MAX_:
		break;
	}
	return FIELD_ADDRTYPE;
}

void fuse_init_elems(const struct fuse_group *g, const enum key_part *part,
		     size_t n, struct elems *e)
{
	enum field_type type[ELEMS_MAX_FIELDS];

	for (size_t i = 0; i < n; i++)
		type[i] = key_part_field(part[i], g->family);
	elems_init(e, type, n);
}

static void put_port(struct port_range r, uint8_t *first, uint8_t *last)
{
	first[0] = (uint8_t)(r.first >> 8);
	first[1] = (uint8_t)r.first;
	last[0] = (uint8_t)(r.last >> 8);
	last[1] = (uint8_t)r.last;
}

static void put_prefix(struct prefix p, uint8_t *first, uint8_t *last)
{
	size_t n = addr_bytes(p.family);
	uint8_t end[16];

	prefix_last(&p, end);
	memcpy(first, p.addr, n);
	memcpy(last, end, n);
}

/* The i-th value of a part; false for an interface that is a constant. */
static bool put_value(enum key_part part, const struct match *m, size_t i,
		      uint8_t *first, uint8_t *last)
{
	const struct iface *name;

	switch (part) {
	case KEY_SPORT:
		put_port(m->sport.v[i], first, last);
		return true;
	case KEY_DPORT:
		put_port(m->dport.v[i], first, last);
		return true;
	case KEY_SADDR:
		put_prefix(prefix_set_at(&m->saddr, i), first, last);
		return true;
	case KEY_DADDR:
		put_prefix(prefix_set_at(&m->daddr, i), first, last);
		return true;
	case KEY_IIFNAME:
	case KEY_OIFNAME:
		name = part == KEY_IIFNAME ? &m->iif.v[i] : &m->oif.v[i];
		memcpy(first, name->name, sizeof(name->name));
		memcpy(last, name->name, sizeof(name->name));
		return is_plain(name);
	case KEY_DADDRTYPE:
	case KEY_PART_MAX_:
		break;
	}
	return false;
}

static size_t part_count(enum key_part part, const struct match *m)
{
	if (part == KEY_IIFNAME)
		return m->iif.n;
	return part == KEY_OIFNAME ? m->oif.n : part_size(part, m);
}

struct expansion {
	const struct rule *rule;
	const enum key_part *part;
	size_t n;
	uint8_t first[64], last[64];
	struct elems *out;
};

static int expand(struct expansion *x, unsigned int i)
{
	const struct match *m = &x->rule->match;
	size_t at, n;
	int err = 0;

	if (i == x->n)
		return elems_add(x->out, x->first, x->last, x->rule->origin);
	at = elems_offset(x->out, i);
	n = part_count(x->part[i], m);
	for (size_t k = 0; !err && k < n; k++)
		if (put_value(x->part[i], m, k, x->first + at, x->last + at))
			err = expand(x, i + 1);
	return err;
}

int fuse_expand(const struct rule *r, const enum key_part *part, size_t n,
		struct elems *e)
{
	struct expansion x = { .rule = r, .part = part, .n = n, .out = e };

	return expand(&x, 0);
}

void fuse_release(struct fuse *f)
{
	for (size_t i = 0; i < f->n; i++) {
		match_release(&f->v[i].model.match);
		free(f->v[i].members);
	}
	name_index_release(&f->at);
	free(f->v);
	*f = (struct fuse){ 0 };
}
