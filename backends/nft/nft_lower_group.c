/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_lower_group.c: the rules of one shape.
 */
#include <linux/rtnetlink.h>
#include <string.h>

#include "backends/nft/nft_lower.h"
#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"

/* What all rules of the group at this place are made of. */
struct draft {
	const struct nft_place *at;
	const struct fuse_group *g;
	struct nft_cover by;
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
	s->size = (uint32_t)types->n;	/* a hash that never grows */
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

	origin_comment(f->by.dedicated ? f->by.origin : NULL, buf, COMMENT_MAX);
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

	memcpy(r->lookup, f->by.lookup,
	       f->by.n_lookups * sizeof(f->by.lookup[0]));
	r->n_lookups = f->by.n_lookups;
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

	r->origin = f->by.origin;
	r->target = f->at->timers;
	r->counts = f->g->model.counts;
	/* A packet of two services is counted for both. */
	r->ends = r->verdict == VERDICT_NOTRACK && !r->counts;
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

static enum key_part translate(const struct fuse_group *from,
			       const struct fuse_group *to, enum key_part part)
{
	for (unsigned int i = 0; i < from->n_parts; i++)
		if (from->part[i] == part)
			return to->part[i];
	return part;
}

/* Of the packet, this leg compares other fields than the first of its class. */
static void turn_to(const struct fuse_group *first, struct draft *f)
{
	for (unsigned int i = 0; i < f->by.n_lookups; i++)
		for (unsigned int k = 0; k < f->by.lookup[i].n_parts; k++)
			f->by.lookup[i].part[k] =
				translate(first, f->g, f->by.lookup[i].part[k]);
}

int nft_lower_group(const struct nft_place *at, struct nft_legs *legs,
		    size_t group)
{
	const struct fuse_group *g = &legs->fuse.v[group];
	const struct fuse_group *first = &legs->fuse.v[g->first];
	struct nft_covers *covers = &legs->covers[g->first];
	struct draft f = { .at = at, .g = g };
	int err = 0;

	if (!g->n_parts) {
		f.by.origin = g->members[0]->origin;
		f.by.dedicated = true;
		return put_rules(&f);
	}
	if (!covers->n)
		err = nft_lower_sets(at, &legs->fuse, g->first, covers);
	for (size_t i = 0; !err && i < covers->n; i++) {
		f.by = covers->v[i];
		turn_to(first, &f);
		err = put_rules(&f);
	}
	return err;
}

int nft_legs_begin(struct nft_legs *legs)
{
	int err = fuse_share(&legs->fuse);

	if (err)
		return err;
	legs->covers = calloc(legs->fuse.n + 1, sizeof(*legs->covers));
	return legs->covers ? 0 : -ENOMEM;
}

void nft_legs_release(struct nft_legs *legs)
{
	for (size_t i = 0; legs->covers && i < legs->fuse.n; i++)
		free(legs->covers[i].v);
	free(legs->covers);
	fuse_release(&legs->fuse);
	*legs = (struct nft_legs){ 0 };
}
