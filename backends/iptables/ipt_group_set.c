/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_group_set.c: names and kinds of the ipsets of a group.
 */
#include "backends/iptables/ipt_group.h"

#include <arpa/inet.h>
#include <string.h>

#include "backends/iptables/ipt_elems.h"
#include "backends/iptables/ipt_sets.h"
#include "core/digest.h"
#include "core/mem.h"

size_t ipt_group_parts(const struct ipt_group *g)
{
	size_t n = g->g->n_parts;

	return n && (g->g->part[n - 1] == KEY_IIFNAME ||
		     g->g->part[n - 1] == KEY_OIFNAME) ? n - 1 : n;
}

const struct port_set *ipt_group_ports(const struct ipt_group *g,
				       const struct rule *r)
{
	if (!ipt_group_parts(g))
		return NULL;
	return g->g->part[0] == KEY_SPORT ? &r->match.sport :
	       g->g->part[0] == KEY_DPORT ? &r->match.dport :
					    NULL;
}

/* Set names have to be the same on every run and every machine. */
static uint64_t digest_num(uint64_t h, uint32_t v)
{
	return digest_add(h, &(uint32_t){ htonl(v) }, sizeof(v));
}

static uint64_t digest_ifaces(uint64_t h, const struct iface_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		h = digest_add(h, s->v[i].name, strlen(s->v[i].name) + 1);
		h = digest_num(h, s->v[i].wild);
	}
	return digest_num(h, (uint32_t)s->n);
}

/* Number 1 is the first stand of its hook, and any that is none. */
static unsigned int stand_number(const struct ipt_group *g,
				 const struct fuse_group *leg)
{
	return g->stands ? g->stands->v[leg->place].number : 1;
}

/* Everything but the values of the varying parts. */
static uint64_t digest_shape(uint64_t h, const struct ipt_group *g,
			     const struct fuse_group *leg)
{
	const struct match *m = &leg->model.match;

	h = digest_num(h, leg->model.hook << 8 | leg->model.action);
	if (stand_number(g, leg) > 1)
		h = digest_num(h, stand_number(g, leg));
	if (leg->model.turn)
		h = digest_num(h, leg->model.turn << 16);
	if (leg->model.action == ACTION_TIMERS)
		h = digest_add(h, leg->model.then, strlen(leg->model.then));
	if (leg->model.counts)
		h = digest_add(h, leg->model.origin->service,
			       strlen(leg->model.origin->service) + 1);
	h = digest_num(h, leg->model.rank << 8 | leg->model.leg);
	h = digest_num(h, m->not_tcp << 16 | m->proto << 8 | m->family);
	h = digest_num(h, m->dst << 16 | m->ct << 8 | m->socket);
	h = digest_num(h, m->not_syn << 1 | m->fragment_tail);
	for (size_t i = 0; i < m->dport.n; i++)
		h = digest_num(h, (uint32_t)m->dport.v[i].first << 16 |
					  m->dport.v[i].last);
	h = digest_ifaces(h, &m->iif);
	h = digest_ifaces(h, &m->oif);
	if (g->iface)
		h = digest_add(h, g->iface->name, strlen(g->iface->name));
	for (size_t i = 0; i < leg->n_parts; i++)
		h = digest_num(h, leg->part[i]);
	return h;
}

uint32_t ipt_group_flow_part(const struct ipt_group *g, enum key_part part)
{
	uint32_t i = 0;

	while (i < g->g->n_parts && g->g->part[i] != part)
		i++;
	return i;
}

/*
 * Of a set that several legs look into: all their shapes, so that it is
 * another set where others look into it, and which parts it has, whatever
 * these are to this leg.
 */
static uint64_t digest_class(uint64_t h, const struct ipt_group *g,
			     const enum key_part *part, size_t n)
{
	const struct fuse_group *leg = &g->f->v[g->g->first];

	h = digest_shape(h, g, leg);
	while (leg->next != FUSE_LAST) {
		leg = &g->f->v[leg->next];
		h = digest_shape(h, g, leg);
	}
	for (size_t i = 0; i < n; i++)
		h = digest_num(h, ipt_group_flow_part(g, part[i]));
	return h;
}

/* A set, as far as its name tells it from others. */
struct identity {
	const char *kind, *service;	/* NULL: of all in the group */
	const enum key_part *part;
	size_t n;
};

static uint64_t digest_identity(const struct ipt_group *g,
				const struct identity *id)
{
	uint64_t h = DIGEST_START;
	bool shared = fuse_is_shared(g->f, g->index);

	h = shared ? digest_class(h, g, id->part, id->n) :
		     digest_shape(h, g, g->g);
	h = digest_add(h, id->kind, strlen(id->kind));
	if (!id->service)
		return h;
	if (!shared)
		h = digest_add(h, *id->part == KEY_SADDR ? "s " : "d ", 2);
	return digest_add(h, id->service, strlen(id->service));
}

/*
 * "ctpolicy-n-pre-tcp4-0a1b2c3": place and protocol for the reader, the shape
 * for us; "ctpolicy-n-tcp4-..." is in several places.
 */
static void name_set(const struct ipt_group *g, const struct identity *id,
		     uint32_t number, char *ret)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint64_t h = digest_num(digest_identity(g, id), number);
	uint8_t proto = g->g->model.match.proto;
	const char *word = protocol_name(proto), *place = g->place->word;
	bool ports = !strcmp(id->kind, "bitmap:port");
	bool shared = fuse_is_shared(g->f, g->index);
	char num[8], tail[8];

	h ^= h >> 29;
	for (size_t i = 0; i < sizeof(tail) - 1; i++)
		tail[i] = digits[h >> (5 * i) & 31];
	tail[sizeof(tail) - 1] = '\0';
	snprintf(num, sizeof(num), "%u", proto);
	if (!word || strlen(word) > 7)
		word = num;
	snprintf(ret, IPT_SET_NAME_MAX + 1, IPT_SET_PREFIX "%.*s-%s%s-%s",
		 (int)(shared ? strcspn(place, "-") : strlen(place)), place,
		 word, ports ? "" : g->family == AF_INET ? "4" : "6", tail);
}

/*
 * The kind of set that holds e, an exact one where possible. Of three fields
 * the first address is exact (way_of() in ipt_fused.c).
 */
static const char *kind_of(const struct elems *e)
{
	bool ports = e->field[0] == FIELD_PORT;
	unsigned int a = ports, b = ports + 1u;
	bool net = !ports || e->n_fields > 1 ? !ipt_elems_field_exact(e, a) :
					       false;

	if (ports && e->n_fields == 1)
		return "bitmap:port";
	if (!ports)
		return net ? "hash:net" : "hash:ip";
	if (e->n_fields == 2)
		return net ? "hash:net,port" : "hash:ip,port";
	return ipt_elems_field_exact(e, b) ? "hash:ip,port,ip" :
					     "hash:ip,port,net";
}

static bool same_origins(const struct elems *a, const struct elems *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (elems_origin(a, i) != elems_origin(b, i))
			return false;
	return true;
}

static bool same_keys(const struct elems *a, const struct elems *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (elems_cmp(a, i, b, i))
			return false;
	return true;
}

static bool same_elems(const struct elems *a, const struct elems *b)
{
	return a->n == b->n && a->width == b->width &&
	       a->n_fields == b->n_fields &&
	       !memcmp(a->field, b->field, a->n_fields * sizeof(*a->field)) &&
	       same_keys(a, b) && same_origins(a, b);
}

struct image_set *ipt_group_set(const struct ipt_group *g, const char *service,
				const enum key_part *part, struct elems *e)
{
	const struct identity id = { kind_of(e), service, part, e->n_fields };
	char name[IPT_SET_NAME_MAX + 1];
	uint32_t number = 0;
	struct image_set *s;

	name_set(g, &id, number, name);
	while ((s = image_find_set(g->sets, name))) {
		if (same_elems(&s->elems, e))
			return s;
		name_set(g, &id, ++number, name);
	}
	s = image_add_set(g->sets, name);
	if (!s)
		return NULL;
	ipt_set_setup(s, ipt_set_kind_find(id.kind), g->family,
		      g->g->model.match.proto);
	s->elems = *e;
	*e = (struct elems){ 0 };
	return s;
}

void ipt_group_lookup(struct image_rule *r, const struct image_set *s,
		      const enum key_part *part, size_t n)
{
	struct lookup *l = &r->lookup[r->n_lookups++];

	*l = (struct lookup){ .set = s->name, .n_parts = (uint8_t)n };
	for (size_t i = 0; i < n; i++)
		l->part[i] = part[i];
}

int ipt_group_fit(const struct ipt_group *g, const struct rule *r,
		  struct elems *e)
{
	int err = ipt_elems_fit(e);

	if (err != -FAULT_LACKING)
		return err;
	return diag_add(g->d, DIAG_ERROR, err, ID_IPSET_TOO_LARGE,
			r->origin->at,
			"the addresses and ports of this service make more "
			"than %u ipset entries", IPT_ELEMS_MAX);
}
