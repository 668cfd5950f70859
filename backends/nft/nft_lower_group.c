/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_lower_group.c: sets and rules of one shape.
 *
 * Exact keys go to a hash set and true ranges to an interval set of their own:
 * one range in a set makes all of it an interval set, which costs a packet
 * more. Ports stand first in a key, since the kernel walks all that still
 * matches after each field.
 */
#include <linux/rtnetlink.h>
#include <string.h>

#include "backends/nft/nft_lower.h"
#include "backends/nft/nft_order.h"
#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"

#define SPREAD_MAX 16		/* ports of a range written one by one */
#define PRODUCT_MIN 256		/* elements that one service may always have */
#define PREFIXES_MAX 512	/* networks of one service in a shared set */

/* What all rules of the group at this place are made of. */
struct draft {
	const struct nft_place *at;
	const struct fuse_group *g;
	struct lookup lookup[ELEMS_MAX_FIELDS];
	uint8_t n_lookups;
	const struct origin *origin;
	bool dedicated;		/* the rule belongs to one service alone */
};

static struct image_chain *place_chain(const struct nft_place *at)
{
	return image_find_chain(at->table, at->chain);
}

/*
 * Kinds of destination that are several types of address: a set of the types
 * and one lookup. Transit also has what no route leads to: policy routing may
 * know a route that this lookup, without mark and interface, does not.
 */
static const struct dst_types {
	const char *set;
	uint8_t n, type[6];		/* RTN_* */
} dst_types[DST_MAX_] = {
	[DST_LOCAL_OR_GROUP] = {
		"local_types", 3, { RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST },
	},
	[DST_TRANSIT] = {
		IMAGE_TRANSIT_TYPES, 4,
		{ RTN_UNICAST, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT },
	},
	[DST_AWAY] = {
		"away_types", 6,
		{ RTN_UNICAST, RTN_BROADCAST, RTN_MULTICAST, RTN_BLACKHOLE,
		  RTN_UNREACHABLE, RTN_PROHIBIT },
	},
};

static int add_dst_types(const struct nft_place *at,
			 const struct dst_types *types, struct lookup *ret)
{
	static const enum field_type field = FIELD_ADDRTYPE;
	struct image_set *s;
	int err = 0;

	*ret = (struct lookup){ .part = { KEY_DADDRTYPE }, .n_parts = 1 };
	ret->set = intern_printf("%s%s", at->prefix, types->set);
	if (!ret->set)
		return -ENOMEM;
	if (image_find_set(at->table, ret->set))
		return 0;
	s = image_add_set(at->table, ret->set);
	if (!s)
		return -ENOMEM;
	elems_init(&s->elems, &field, 1);
	for (size_t i = 0; !err && i < types->n; i++) {
		const uint8_t key[4] = { 0, 0, 0, types->type[i] };

		err = elems_add(&s->elems, key, key, NULL);
	}
	return err;
}

static int set_comment(const struct draft *f, struct image_rule *r)
{
	char buf[COMMENT_MAX + 1];

	origin_comment(f->dedicated ? f->origin : NULL, buf, COMMENT_MAX);
	r->comment = strdup(buf);
	return r->comment ? 0 : -ENOMEM;
}

static int set_match(const struct draft *f, const struct port_range *dport,
		     const struct icmp_range *icmp, struct image_rule *r)
{
	const struct match *m = &f->g->model.match;
	uint8_t af = nft_table_af(f->at->table->family);
	int err = match_copy(m, &r->match);

	if (err)
		return err;
	r->match.family = af != AF_UNSPEC ? af : f->g->family;
	port_set_release(&r->match.dport);
	if (dport)
		err = port_set_add(&r->match.dport, *dport);
	memset(r->match.icmp, 0, sizeof(r->match.icmp));
	r->match.n_icmp = icmp ? 1 : 0;
	if (icmp)
		r->match.icmp[0] = *icmp;
	return err;
}

static int put_lookups(const struct draft *f, struct image_rule *r)
{
	const struct dst_types *types;

	memcpy(r->lookup, f->lookup, f->n_lookups * sizeof(f->lookup[0]));
	r->n_lookups = f->n_lookups;
	if (!dst_types[r->match.dst].n)
		return 0;
	types = &dst_types[r->match.dst];
	r->match.dst = DST_ANY;
	return add_dst_types(f->at, types, &r->lookup[r->n_lookups++]);
}

static int fill_rule(const struct draft *f, const struct port_range *dport,
		     const struct icmp_range *icmp, struct image_rule *r)
{
	int err = set_match(f, dport, icmp, r);

	r->origin = f->origin;
	r->target = f->at->timers;
	r->counts = f->g->model.counts;
	if (!err)
		err = put_lookups(f, r);
	/* wildcards return early: what is left then is any socket at all */
	if (r->match.socket == SOCKET_BOUND && r->match.proto == IPPROTO_TCP)
		r->match.socket = r->verdict == VERDICT_RETURN ?
					  SOCKET_WILDCARD : SOCKET_OPEN;
	return err ? err : set_comment(f, r);
}

/* Equal rules have the same; those that have it may still differ. */
static uint32_t rule_digest(const struct image_rule *r)
{
	const struct match *m = &r->match;
	const uint32_t plain[] = {
		r->verdict, r->n_lookups, m->family, m->proto, m->not_tcp,
		m->socket, m->icmp[0].first,
	};
	uint64_t h = digest_add(DIGEST_START, plain, sizeof(plain));

	for (unsigned int i = 0; i < r->n_lookups; i++)
		h = digest_add(h, r->lookup[i].set, strlen(r->lookup[i].set));
	for (size_t i = 0; i < m->iif.n; i++)
		h = digest_add(h, m->iif.v[i].name, strlen(m->iif.v[i].name));
	for (size_t i = 0; i < m->oif.n; i++)
		h = digest_add(h, m->oif.v[i].name, strlen(m->oif.v[i].name));
	for (size_t i = 0; i < m->dport.n; i++)
		h = digest_add(h, &m->dport.v[i], sizeof(m->dport.v[i]));
	return digest_fold(h);
}

/* Both legs of a portless protocol may give the same rule. */
static bool is_twin(const struct image_chain *c, const struct image_rule *r,
		    uint32_t digest)
{
	size_t i = 0;

	if (c->rule_at.n == c->n_rules - 1)
		i = name_index_find(&c->rule_at, "", digest);
	for (; i < c->n_rules - 1; i++)
		if (image_rule_equal(&c->rules[i], r))
			return true;
	return false;
}

/* The chain's last rule has just been filled: keep it, unless it is a twin. */
static int keep_rule(struct image_chain *c, struct image_rule *r)
{
	uint32_t digest = rule_digest(r);

	if (is_twin(c, r, digest)) {
		image_rule_release(r);
		c->n_rules--;
		return 0;
	}
	return c->rule_at.n == c->n_rules - 1 ?
	       name_index_add(&c->rule_at, "", digest) : 0;
}

static int put_rule(const struct draft *f, const struct port_range *dport,
		    const struct icmp_range *icmp, enum verdict verdict)
{
	struct image_chain *c = place_chain(f->at);
	struct image_rule *r = image_add_rule(c);
	int err;

	if (!r)
		return -ENOMEM;
	r->verdict = verdict;
	err = fill_rule(f, dport, icmp, r);
	return err ? err : keep_rule(c, r);
}

/*
 * nft's `socket wildcard` does not match sockets in TIME_WAIT or SYN_RECV,
 * xt's socket match does: for tcp turn wildcard sockets away and then take any.
 */
static int put_verdicts(const struct draft *f, const struct port_range *dport,
			const struct icmp_range *icmp)
{
	const struct rule *m = &f->g->model;
	int err = 0;

	if (m->action == ACTION_NOTRACK)
		return put_rule(f, dport, icmp, VERDICT_NOTRACK);
	if (m->action == ACTION_TIMERS)
		return put_rule(f, dport, icmp, VERDICT_TIMERS);
	if (m->match.socket == SOCKET_BOUND && m->match.proto == IPPROTO_TCP)
		err = put_rule(f, dport, icmp, VERDICT_RETURN);
	return err ? err : put_rule(f, dport, icmp, VERDICT_ACCEPT);
}

/* One rule for each value that stays inline. */
static int put_rules(const struct draft *f)
{
	const struct match *m = &f->g->model.match;
	int err = 0;

	for (size_t i = 0; !err && i < m->n_icmp; i++)
		err = put_verdicts(f, NULL, &m->icmp[i]);
	for (size_t i = 0; !err && i < m->dport.n; i++)
		err = put_verdicts(f, &m->dport.v[i], NULL);
	if (!err && !m->n_icmp && !m->dport.n)
		err = put_verdicts(f, NULL, NULL);
	return err;
}

static bool is_port(const struct elems *e, unsigned int i)
{
	return e->field[i] == FIELD_PORT;
}

/* How many exact elements stand for element i; 0: it stays a range. */
static unsigned int spread(const struct elems *e, size_t i)
{
	const uint8_t *a = elems_first(e, i), *b = elems_last(e, i);
	unsigned int n;

	if (!memcmp(a, b, e->width))
		return 1;
	if (!is_port(e, 0) || memcmp(a + 2, b + 2, e->width - 2u))
		return 0;
	n = (unsigned int)(b[0] << 8 | b[1]) - (unsigned int)(a[0] << 8 | a[1]);
	return n < SPREAD_MAX ? n + 1 : 0;
}

static int add_spread(struct elems *to, const struct elems *e, size_t i,
		      unsigned int n)
{
	uint8_t key[64];
	unsigned int port;
	int err = 0;

	memcpy(key, elems_first(e, i), e->width);
	if (n == 1)
		return elems_add(to, key, key, e->origin[i]);
	port = (unsigned int)(key[0] << 8 | key[1]);
	for (unsigned int k = 0; !err && k < n; k++) {
		key[0] = (uint8_t)((port + k) >> 8);
		key[1] = (uint8_t)(port + k);
		err = elems_add(to, key, key, e->origin[i]);
	}
	return err;
}

static int split(const struct elems *all, struct elems *exact,
		 struct elems *range)
{
	int err = 0;

	elems_init(exact, all->field, all->n_fields);
	elems_init(range, all->field, all->n_fields);
	for (size_t i = 0; !err && i < all->n; i++) {
		unsigned int n = spread(all, i);

		err = n ? add_spread(exact, all, i, n) :
			  elems_add(range, elems_first(all, i),
				    elems_last(all, i), all->origin[i]);
	}
	return err;
}

#define ROOM_MIN 1024		/* elements; smaller sets may grow */

/*
 * A large hash set gets its room at once: the kernel then takes a table of
 * fixed size, which fills, dumps and answers faster than one that grows, and
 * is never caught growing. An eighth and more is left for later additions.
 *
 * Source: nft_select_set_ops(), nft_hash_estimate() in the kernel's
 *         net/netfilter/nft_set_hash.c. Keys of two bytes get a bitmap.
 */
static uint32_t room_for(const struct elems *e, bool interval)
{
	uint32_t step = 256;

	if (interval || e->n < ROOM_MIN || e->n > UINT32_MAX / 2 ||
	    e->width <= 2)
		return 0;
	/* Coarse steps: nearly the same policy asks for the same room. */
	while (step < e->n / 4)
		step *= 2;
	return (uint32_t)((e->n + e->n / 8 + step) / step * step);
}

/* Move e into a new set of the table; name it in `ret`. */
static int place_set(const struct nft_place *at, const char *name,
		     struct elems *e, bool interval, struct lookup *ret)
{
	struct image_set *s = name ? image_add_set(at->table, name) : NULL;

	if (!s)
		return -ENOMEM;
	ret->set = s->name;
	s->family = nft_fields_family(e);
	s->interval = interval;
	s->size = room_for(e, interval);
	s->elems = *e;
	*e = (struct elems){ 0 };
	return 0;
}

/* One set over all parts, and the rules that look into it. */
static int put_fused(const struct draft *base, struct elems *e, bool interval,
		     const struct strbuf *shape)
{
	struct draft f = *base;
	struct lookup *l = &f.lookup[0];
	const char *suffix = "";
	int err = 0;

	if (!e->n)
		return 0;
	memcpy(l->part, f.g->part, sizeof(f.g->part));
	l->n_parts = f.g->n_parts;
	f.n_lookups = 1;
	if (interval)
		err = nft_order_fields(e, l->part, &suffix);
	if (err)
		return err;
	err = place_set(f.at, nft_name_finish(f.at->prefix, shape, suffix), e,
			interval, l);
	return err ? err : put_rules(&f);
}

static size_t count_networks(const struct prefix_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].len < (s->v[i].family == AF_INET ? 32 : 128);
	return n;
}

/*
 * A product of dimensions that is much more than they are, or so many
 * networks that the kernel's interval concatenation, which compares all that
 * the first field leaves, would be slow to fill and slow for a packet.
 */
static bool is_big(const struct fuse_group *g, const struct rule *r)
{
	uint64_t cost = fuse_cost(g, r);

	if (g->n_parts < 2)
		return false;
	return (cost > PRODUCT_MIN && cost > 2 * fuse_dimensions(g, r)) ||
	       count_networks(&r->match.saddr) +
		       count_networks(&r->match.daddr) > PREFIXES_MAX;
}

static int lower_fused(const struct draft *base, const struct strbuf *shape)
{
	const struct fuse_group *g = base->g;
	_cleanup_(elems_release) struct elems all = { 0 };
	_cleanup_(elems_release) struct elems exact = { 0 };
	_cleanup_(elems_release) struct elems range = { 0 };
	struct draft f = *base;
	int err = 0;

	f.origin = NULL;
	f.dedicated = g->model.counts;
	fuse_init_elems(g, g->part, g->n_parts, &all);
	for (size_t i = 0; !err && i < g->n_members; i++) {
		if (is_big(g, g->members[i]))
			continue;
		if (!f.origin)
			f.origin = g->members[i]->origin;
		err = fuse_expand(g->members[i], g->part, g->n_parts, &all);
	}
	if (!err)
		err = elems_canonical(&all);
	if (!err)
		err = split(&all, &exact, &range);
	elems_release(&all);
	if (!err)
		err = put_fused(&f, &exact, false, shape);
	return err ? err : put_fused(&f, &range, true, shape);
}

static int dimension(const struct draft *f, const struct rule *r,
		     const struct strbuf *shape, unsigned int i,
		     unsigned int serial, struct lookup *ret)
{
	_cleanup_(elems_release) struct elems e = { 0 };
	_cleanup_(strbuf_release) struct strbuf raw = { 0 };
	const char *name, *service = r->origin->service;
	bool interval;
	int err;

	fuse_init_elems(f->g, &f->g->part[i], 1, &e);
	err = fuse_expand(r, &f->g->part[i], 1, &e);
	if (!err)
		err = elems_canonical(&e);
	if (err)
		return err;
	strbuf_printf(&raw, "%s-%s", strbuf_str(shape),
		      service ? service : "ctpolicy");
	if (serial)
		strbuf_printf(&raw, "-%u", serial);
	strbuf_printf(&raw, "-%u", i + 1);
	err = strbuf_status(&raw);
	if (err)
		return err;
	interval = !elems_all_exact(&e);
	name = nft_name_finish(f->at->prefix, &raw, interval ? "_r" : "");
	ret->part[0] = f->g->part[i];
	ret->n_parts = 1;
	return place_set(f->at, name, &e, interval, ret);
}

/* How many big members of the same service stand before member i. */
static unsigned int serial_of(const struct fuse_group *g, size_t i)
{
	const char *name = g->members[i]->origin->service;
	unsigned int n = 0;

	for (size_t k = 0; k < i; k++) {
		const char *other = g->members[k]->origin->service;

		n += is_big(g, g->members[k]) &&
		     !strcmp(name ? name : "", other ? other : "");
	}
	return n;
}

/* A service whose product is large: one set a dimension, one rule. */
static int lower_big(const struct draft *base, const struct strbuf *shape)
{
	const struct fuse_group *g = base->g;
	int err = 0;

	for (size_t i = 0; !err && i < g->n_members; i++) {
		const struct rule *r = g->members[i];
		struct draft f = *base;

		if (!is_big(g, r))
			continue;
		f.origin = r->origin;
		f.dedicated = true;
		f.n_lookups = g->n_parts;
		for (unsigned int k = 0; !err && k < g->n_parts; k++)
			err = dimension(&f, r, shape, k, serial_of(g, i),
					&f.lookup[k]);
		if (!err)
			err = put_rules(&f);
	}
	return err;
}

int nft_lower_group(const struct nft_place *at, const struct fuse_group *g)
{
	_cleanup_(strbuf_release) struct strbuf shape = { 0 };
	struct draft f = { .at = at, .g = g };
	int err;

	if (!g->n_parts) {
		f.origin = g->members[0]->origin;
		f.dedicated = true;
		return put_rules(&f);
	}
	nft_name_shape(g, &shape);
	err = strbuf_status(&shape);
	if (!err)
		err = lower_fused(&f, &shape);
	return err ? err : lower_big(&f, &shape);
}
