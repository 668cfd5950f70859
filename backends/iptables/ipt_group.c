/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_group.h"

#include <string.h>

#include "backends/iptables/ipt_elems.h"
#include "backends/iptables/ipt_sets.h"
#include "core/mem.h"

/* FNV-1a, 64 bits: set names have to be the same on every run. */
struct digest {
	uint64_t v;
};

static void digest_add(struct digest *h, const void *p, size_t n)
{
	const uint8_t *s = p;

	for (size_t i = 0; i < n; i++)
		h->v = (h->v ^ s[i]) * 0x100000001b3ull;
}

static void digest_num(struct digest *h, uint32_t v)
{
	digest_add(h, &(uint32_t){ htonl(v) }, sizeof(v));
}

static void digest_ifaces(struct digest *h, const struct iface_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		digest_add(h, s->v[i].name, strlen(s->v[i].name) + 1);
		digest_num(h, s->v[i].wild);
	}
	digest_num(h, (uint32_t)s->n);
}

/* Everything but the values of the varying parts. */
static void digest_shape(struct digest *h, const struct ipt_group *g)
{
	const struct match *m = &g->g->model.match;

	digest_num(h, g->place->hook << 8 | g->place->action);
	digest_num(h, g->g->model.rank << 8 | g->g->model.leg);
	digest_num(h, m->proto << 8 | m->family);
	digest_num(h, m->dst << 16 | m->ct << 8 | m->socket);
	digest_num(h, m->not_syn << 1 | m->fragment_tail);
	for (size_t i = 0; i < m->dport.n; i++)
		digest_num(h, (uint32_t)m->dport.v[i].first << 16 |
				      m->dport.v[i].last);
	digest_ifaces(h, &m->iif);
	digest_ifaces(h, &m->oif);
	if (g->iface)
		digest_add(h, g->iface->name, strlen(g->iface->name));
	for (size_t i = 0; i < g->g->n_parts; i++)
		digest_num(h, g->g->part[i]);
}

/*
 * "ctpolicy-n-pre-tcp4-0a1b2c3": place and protocol for the reader, the shape
 * for us. `extra` tells apart the sets of one shape.
 */
static void name_set(const struct ipt_group *g, const char *kind,
		     const char *extra, uint32_t number, char *ret)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	struct digest h = { 0xcbf29ce484222325ull };
	uint8_t proto = g->g->model.match.proto;
	const char *word = protocol_name(proto);
	bool ports = !strcmp(kind, "bitmap:port");
	char num[8], tail[8];

	digest_shape(&h, g);
	digest_add(&h, kind, strlen(kind));
	digest_add(&h, extra, strlen(extra));
	digest_num(&h, number);
	h.v ^= h.v >> 29;
	for (size_t i = 0; i < sizeof(tail) - 1; i++)
		tail[i] = digits[h.v >> (5 * i) & 31];
	tail[sizeof(tail) - 1] = '\0';
	snprintf(num, sizeof(num), "%u", proto);
	if (!word || strlen(word) > 7)
		word = num;
	snprintf(ret, IPT_SET_NAME_MAX + 1, IPT_SET_PREFIX "%s-%s%s-%s",
		 g->place->word, word,
		 ports ? "" : g->family == AF_INET ? "4" : "6", tail);
}

/* Hand e, fitted, over to a new set; one of ports serves both families. */
static struct image_set *make_set(const struct ipt_group *g, const char *kind,
				  const char *extra, struct elems *e)
{
	char name[IPT_SET_NAME_MAX + 1];
	uint32_t number = 0;
	struct image_set *s;

	name_set(g, kind, extra, number, name);
	while ((s = image_find_set(g->sets, name))) {
		if (!strcmp(kind, "bitmap:port"))
			return s;
		name_set(g, kind, extra, ++number, name);
	}
	s = image_add_set(g->sets, name);
	if (!s)
		return NULL;
	ipt_set_setup(s, ipt_set_kind_find(kind), g->family,
		      g->g->model.match.proto);
	s->elems = *e;
	*e = (struct elems){ 0 };
	return s;
}

/* Which kind holds e: of the exact ones wherever it can. */
static const char *kind_of(const struct elems *e)
{
	bool ports = e->field[0] == FIELD_PORT;
	unsigned int a = ports, b = ports + 1u;
	bool net = !ports || e->n_fields > 1 ? !ipt_elems_field_exact(e, a) :
					       false;

	if (ports && e->n_fields == 1)
		return "bitmap:port";
	if (!ports)
		return e->n_fields == 2 ? "hash:net,net" :
		       net		? "hash:net" :
					  "hash:ip";
	if (e->n_fields == 2)
		return net ? "hash:net,port" : "hash:ip,port";
	return net			     ? "hash:net,port,net" :
	       ipt_elems_field_exact(e, b) ? "hash:ip,port,ip" :
					     "hash:ip,port,net";
}

static void add_lookup(struct image_rule *r, const struct image_set *s,
		       const enum key_part *part, size_t n)
{
	struct lookup *l = &r->lookup[r->n_lookups++];

	*l = (struct lookup){ .n_parts = (uint8_t)n };
	snprintf(l->set, sizeof(l->set), "%s", s->name);
	for (size_t i = 0; i < n; i++)
		l->part[i] = part[i];
}

static int too_big(const struct ipt_group *g, const struct rule *r, int err)
{
	if (err != -E2BIG)
		return err;
	return diag_add(g->d, DIAG_ERROR, err, "CT610", r->origin->at,
			"the addresses and ports of this service make more "
			"than %u ipset entries", IPT_ELEMS_MAX);
}

static bool has_addr_part(const struct ipt_group *g)
{
	for (size_t i = 0; i < g->g->n_parts; i++)
		if (g->g->part[i] == KEY_SADDR || g->g->part[i] == KEY_DADDR)
			return true;
	return false;
}

static size_t parts_but_iface(const struct ipt_group *g)
{
	size_t n = g->g->n_parts;

	return n && (g->g->part[n - 1] == KEY_IIFNAME ||
		     g->g->part[n - 1] == KEY_OIFNAME) ? n - 1 : n;
}

/* The ports of r in the group's varying part, NULL: it has none. */
static const struct port_set *varying_ports(const struct ipt_group *g,
					    const struct rule *r)
{
	if (!parts_but_iface(g))
		return NULL;
	return g->g->part[0] == KEY_SPORT ? &r->match.sport :
	       g->g->part[0] == KEY_DPORT ? &r->match.dport :
					    NULL;
}

/* Own: r's addresses of one side, as a set when there are several. */
static int own_side(const struct ipt_group *g, const struct rule *r,
		    enum key_part part, struct image_rule *out)
{
	bool src = part == KEY_SADDR;
	const struct prefix_set *in = src ? &r->match.saddr : &r->match.daddr;
	struct prefix_set *mine = src ? &out->match.saddr : &out->match.daddr;
	_cleanup_(elems_release) struct elems e = { 0 };
	char extra[256];
	struct image_set *s;
	int err;

	if (!in->n || !in->v[0].len)
		return 0;
	if (in->n == 1)
		return prefix_set_add(mine, &in->v[0]);
	fuse_init_elems(g->g, &part, 1, &e);
	err = fuse_expand(r, &part, 1, &e);
	if (!err)
		err = ipt_elems_fit(&e);
	if (err)
		return too_big(g, r, err);
	snprintf(extra, sizeof(extra), "%s %s", src ? "s" : "d",
		 r->origin->service ? r->origin->service : "");
	s = make_set(g, kind_of(&e), extra, &e);
	if (!s)
		return -ENOMEM;
	add_lookup(out, s, &part, 1);
	return 0;
}

/*
 * Own: one rule for 15 ports. The first one makes the sets, the others look
 * up the same.
 */
static int emit_own(const struct ipt_group *g, const struct rule *r)
{
	size_t start = g->chain->n_rules;
	struct image_rule *base;
	struct rule ports = *r;
	int err;

	memset(&ports.match.saddr, 0, sizeof(ports.match.saddr));
	memset(&ports.match.daddr, 0, sizeof(ports.match.daddr));
	err = ipt_rules_emit(g, &ports);
	if (err)
		return err;
	base = &g->chain->rules[start];
	err = own_side(g, r, KEY_SADDR, base);
	if (!err)
		err = own_side(g, r, KEY_DADDR, base);
	for (size_t i = start + 1; !err && i < g->chain->n_rules; i++) {
		struct image_rule *out = &g->chain->rules[i];

		memcpy(out->lookup, base->lookup, sizeof(out->lookup));
		out->n_lookups = base->n_lookups;
		err = prefix_set_copy(&base->match.saddr, AF_UNSPEC,
				      &out->match.saddr);
		if (!err)
			err = prefix_set_copy(&base->match.daddr, AF_UNSPEC,
					      &out->match.daddr);
	}
	return err;
}

static uint64_t own_count(const struct rule *r)
{
	struct rule ports = *r;

	memset(&ports.match.saddr, 0, sizeof(ports.match.saddr));
	memset(&ports.match.daddr, 0, sizeof(ports.match.daddr));
	return ipt_rules_count(&ports);
}

/* The kernel's set types that take a port look at these protocols alone. */
static bool sets_know(uint8_t proto, bool with_address)
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

/* One set for all, and what the members share as its rules. */
static int emit_lookup(const struct ipt_group *g, struct elems *e,
		       const struct rule *const *v, size_t n)
{
	static const struct origin nobody;
	size_t parts = parts_but_iface(g), start = g->chain->n_rules;
	struct rule model = g->g->model;
	struct image_set *s;
	int err = ipt_elems_fit(e);

	if (err)
		return too_big(g, v[0], err);
	s = make_set(g, kind_of(e), "", e);
	if (!s)
		return -ENOMEM;
	model.origin = sole_origin(v, n);
	if (!model.origin)
		model.origin = &nobody;
	err = ipt_rules_emit(g, &model);
	for (size_t i = start; !err && i < g->chain->n_rules; i++)
		add_lookup(&g->chain->rules[i], s, g->g->part, parts);
	return err;
}

/* Fused, with addresses. */
static int emit_fused(const struct ipt_group *g)
{
	size_t parts = parts_but_iface(g), n = 0;
	_cleanup_(elems_release) struct elems e = { 0 };
	_cleanup_free_ const struct rule **in = NULL;
	bool ports = varying_ports(g, g->members[0]);
	int err = 0;

	in = malloc(g->n * sizeof(*in));
	if (!in)
		return -ENOMEM;
	fuse_init_elems(g->g, g->g->part, parts, &e);
	for (size_t i = 0; !err && i < g->n; i++) {
		const struct rule *r = g->members[i];

		if ((ports && !sets_know(r->match.proto, true)) ||
		    has_wide_range(varying_ports(g, r)) || is_sprawling(g, r)) {
			err = emit_own(g, r);
			continue;
		}
		in[n++] = r;
		err = fuse_expand(r, g->g->part, parts, &e);
	}
	return err || !n ? err : emit_lookup(g, &e, in, n);
}

/* The wide ranges of r stay rules, the rest goes to e. */
static int split_ports(const struct ipt_group *g, const struct rule *r,
		       struct elems *e)
{
	bool src = g->g->part[0] == KEY_SPORT;
	_cleanup_(port_set_release) struct port_set wide = { 0 };
	const struct port_set *in = varying_ports(g, r);
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
	return ipt_rules_emit(g, &rest);
}

/* Fused, ports alone. */
static int emit_ports(const struct ipt_group *g)
{
	_cleanup_(elems_release) struct elems e = { 0 };
	int err = 0;

	fuse_init_elems(g->g, g->g->part, 1, &e);
	for (size_t i = 0; !err && i < g->n; i++)
		err = split_ports(g, g->members[i], &e);
	return err || !e.n ? err : emit_lookup(g, &e, g->members, g->n);
}

int ipt_group_emit(const struct ipt_group *g)
{
	uint8_t proto = g->g->model.match.proto;
	uint64_t inl = 0, own = 0;
	int err = 0;

	/* Nothing varies: one speaks for all. */
	if (!parts_but_iface(g))
		return ipt_rules_emit(g, g->members[0]);
	for (size_t i = 0; i < g->n; i++) {
		inl += ipt_rules_count(g->members[i]);
		own += own_count(g->members[i]);
	}
	if (inl > IPT_INLINE_MAX && has_addr_part(g) && own > IPT_INLINE_MAX)
		return emit_fused(g);
	if (inl > IPT_INLINE_MAX && !has_addr_part(g) &&
	    sets_know(proto, false))
		return emit_ports(g);
	for (size_t i = 0; !err && i < g->n; i++)
		err = inl > IPT_INLINE_MAX && has_addr_part(g) ?
			      emit_own(g, g->members[i]) :
			      ipt_rules_emit(g, g->members[i]);
	return err;
}
