/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/image_flow.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "core/mem.h"
#include "rules/elems_index.h"

/* How deep jumps may lead; ours are one deep. */
#define DEPTH_MAX 8

/* A set, and the index of it that the first search makes. */
struct set_view {
	const struct image_set *set;
	struct elems_index *index;
};

/* A rule that may lead to NOTRACK, with what it names looked up. */
struct rule_view {
	const struct image_rule *rule;
	/* NULL: there is none */
	struct set_view *set[IMAGE_LOOKUPS_MAX];
	const struct chain_view *to;	/* of a jump */
};

struct chain_view {
	const struct image_table *table;
	const struct image_chain *chain;
	struct rule_view *v;
	size_t n;
};

struct image_flows {
	struct set_view *sets;
	size_t n_sets;
	struct chain_view *chains;
	size_t n_chains;
	bool by_interface;
	bool failed;		/* no memory for an index */
};

static int by_address(uintptr_t a, uintptr_t b)
{
	return (a > b) - (a < b);
}

static int cmp_set(const void *a, const void *b)
{
	const struct set_view *x = a, *y = b;

	return by_address((uintptr_t)x->set, (uintptr_t)y->set);
}

static int cmp_chain(const void *a, const void *b)
{
	const struct chain_view *x = a, *y = b;

	return by_address((uintptr_t)x->chain, (uintptr_t)y->chain);
}

/* A set of the rule's table, or an ipset, which is in none. */
static struct set_view *find_set(const struct image_flows *x,
				 const struct image *img,
				 const struct image_table *t, const char *name)
{
	struct set_view key = { .set = image_find_set(t, name) };

	for (size_t i = 0; !key.set && i < img->n_tables; i++)
		if (img->tables[i].family == NFPROTO_UNSPEC)
			key.set = image_find_set(&img->tables[i], name);
	return key.set ? bsearch(&key, x->sets, x->n_sets, sizeof(key),
				 cmp_set) : NULL;
}

static const struct chain_view *find_chain(const struct image_flows *x,
					   const struct image_table *t,
					   const char *name)
{
	struct chain_view key = { .chain = image_find_chain(t, name) };

	return key.chain ? bsearch(&key, x->chains, x->n_chains, sizeof(key),
				   cmp_chain) : NULL;
}

static bool names_interface(const struct image_rule *r)
{
	for (unsigned int i = 0; i < r->n_lookups; i++)
		for (unsigned int k = 0; k < r->lookup[i].n_parts; k++)
			if (r->lookup[i].part[k] == KEY_IIFNAME ||
			    r->lookup[i].part[k] == KEY_OIFNAME)
				return true;
	return r->match.iif.n || r->match.oif.n;
}

static void view_rule(struct image_flows *x, const struct image *img,
		      struct chain_view *c, const struct image_rule *r)
{
	struct rule_view *v = &c->v[c->n++];

	v->rule = r;
	for (unsigned int i = 0; i < r->n_lookups; i++)
		v->set[i] = find_set(x, img, c->table, r->lookup[i].set);
	if (r->verdict == VERDICT_JUMP)
		v->to = find_chain(x, c->table, r->target);
	x->by_interface |= names_interface(r);
}

static int view_chain(struct image_flows *x, const struct image *img,
		      struct chain_view *c)
{
	c->v = calloc(c->chain->n_rules + 1, sizeof(*c->v));
	if (!c->v)
		return -ENOMEM;
	for (size_t i = 0; i < c->chain->n_rules; i++) {
		const struct image_rule *r = &c->chain->rules[i];

		if (r->verdict == VERDICT_NOTRACK || r->verdict == VERDICT_JUMP)
			view_rule(x, img, c, r);
	}
	return 0;
}

static int view_tables(struct image_flows *x, const struct image *img)
{
	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_sets; k++)
			x->sets[x->n_sets++].set = &t->sets[k];
		for (size_t k = 0; k < t->n_chains; k++)
			x->chains[x->n_chains++] = (struct chain_view){
				.table = t, .chain = &t->chains[k],
			};
	}
	qsort(x->sets, x->n_sets, sizeof(*x->sets), cmp_set);
	qsort(x->chains, x->n_chains, sizeof(*x->chains), cmp_chain);
	for (size_t i = 0; i < x->n_chains; i++)
		if (view_chain(x, img, &x->chains[i]))
			return -ENOMEM;
	return 0;
}

int image_flows_new(const struct image *img, struct image_flows **ret)
{
	_cleanup_(image_flows_free) struct image_flows *x =
		calloc(1, sizeof(*x));
	size_t n_sets = 0, n_chains = 0;

	if (!x)
		return -ENOMEM;
	for (size_t i = 0; i < img->n_tables; i++) {
		n_sets += img->tables[i].n_sets;
		n_chains += img->tables[i].n_chains;
	}
	x->sets = calloc(n_sets + 1, sizeof(*x->sets));
	x->chains = calloc(n_chains + 1, sizeof(*x->chains));
	if (!x->sets || !x->chains || view_tables(x, img))
		return -ENOMEM;
	*ret = TAKE_PTR(x);
	return 0;
}

void image_flows_free(struct image_flows **x)
{
	if (!*x)
		return;
	for (size_t i = 0; i < (*x)->n_sets; i++)
		elems_index_free(&(*x)->sets[i].index);
	for (size_t i = 0; i < (*x)->n_chains; i++)
		free((*x)->chains[i].v);
	free((*x)->sets);
	free((*x)->chains);
	free(*x);
	*x = NULL;
}

bool image_flows_by_interface(const struct image_flows *x)
{
	return x->by_interface;
}

int image_flows_status(const struct image_flows *x)
{
	return x->failed ? -ENOMEM : 0;
}

/* What a flow has for a field, where that is one value. */
struct value {
	bool known;
	uint8_t bytes[16];
};

static void put_port(struct value *v, uint16_t port)
{
	uint16_t be = htons(port);

	v->known = true;
	memcpy(v->bytes, &be, sizeof(be));
}

static void put_addr(struct value *v, const uint8_t *addr)
{
	v->known = true;
	memcpy(v->bytes, addr, sizeof(v->bytes));
}

static void put_addrtype(struct value *v, const struct flow *f)
{
	uint32_t be = htonl(f->to_local ? RTN_LOCAL : RTN_UNICAST);

	/* Broadcast or multicast: not told apart here. */
	v->known = !f->to_group;
	memcpy(v->bytes, &be, sizeof(be));
}

static void put_name(struct value *v, const char *name)
{
	v->known = *name != '\0';
	memcpy(v->bytes, name, sizeof(v->bytes));
}

/* False: no flow of this family is in such a set. */
static bool get_value(const struct flow *f, enum key_part part,
		      enum field_type type, struct value *ret)
{
	if ((type == FIELD_ADDR4 && f->family != AF_INET) ||
	    (type == FIELD_ADDR6 && f->family != AF_INET6))
		return false;
	switch (part) {
	case KEY_SPORT:
		put_port(ret, f->sport);
		break;
	case KEY_DPORT:
		put_port(ret, f->dport);
		break;
	case KEY_SADDR:
		put_addr(ret, f->saddr);
		break;
	case KEY_DADDR:
		put_addr(ret, f->daddr);
		break;
	case KEY_DADDRTYPE:
		put_addrtype(ret, f);
		break;
	case KEY_IIFNAME:
		put_name(ret, f->iif);
		break;
	case KEY_OIFNAME:
		put_name(ret, f->oif);
		break;
	case KEY_PART_MAX_:
		break;
	}
	return true;
}

/* A value that is not known: what can still be ruled out is. */
static bool may_lie(enum field_type type, const uint8_t *first,
		    const uint8_t *last, const void *arg)
{
	const struct flow *f = arg;
	uint32_t lo, hi;

	if (type == FIELD_IFNAME)
		return f->loopback == !strncmp((const char *)first, "lo", 16);
	if (type != FIELD_ADDRTYPE)
		return true;
	memcpy(&lo, first, sizeof(lo));
	memcpy(&hi, last, sizeof(hi));
	lo = ntohl(lo);
	hi = ntohl(hi);
	return (lo <= RTN_BROADCAST && hi >= RTN_BROADCAST) ||
	       (lo <= RTN_MULTICAST && hi >= RTN_MULTICAST);
}

static bool in_set(struct image_flows *x, struct set_view *s,
		   const struct lookup *l, const struct flow *f)
{
	struct value v[ELEMS_MAX_FIELDS] = { { 0 } };
	struct elems_point p = { .may = may_lie, .arg = f };

	if (!s || l->n_parts != s->set->elems.n_fields)
		return false;
	for (unsigned int i = 0; i < l->n_parts; i++) {
		if (!get_value(f, l->part[i], s->set->elems.field[i], &v[i]))
			return false;
		p.at[i] = v[i].known ? v[i].bytes : NULL;
	}
	if (!s->index && elems_index_new(&s->set->elems, &s->index)) {
		x->failed = true;
		return false;
	}
	return elems_index_covers(s->index, &p);
}

static bool rule_takes(struct image_flows *x, const struct rule_view *v,
		       const struct flow *f)
{
	if (!flow_matches(f, &v->rule->match))
		return false;
	for (unsigned int i = 0; i < v->rule->n_lookups; i++)
		if (!in_set(x, v->set[i], &v->rule->lookup[i], f))
			return false;
	return true;
}

static bool chain_untracks(struct image_flows *x, const struct chain_view *c,
			   const struct flow *f, unsigned int depth)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct rule_view *v = &c->v[i];

		if (!rule_takes(x, v, f))
			continue;
		if (v->rule->verdict == VERDICT_NOTRACK)
			return true;
		if (v->to && depth && chain_untracks(x, v->to, f, depth - 1))
			return true;
	}
	return false;
}

static bool table_sees(const struct image_table *t, const struct flow *f)
{
	if (t->asleep)
		return false;
	if (t->family == NFPROTO_IPV4)
		return f->family == AF_INET;
	return t->family != NFPROTO_IPV6 || f->family == AF_INET6;
}

bool image_untracks(struct image_flows *x, const struct flow *f,
		    enum hook hook)
{
	for (size_t i = 0; i < x->n_chains; i++) {
		const struct chain_view *c = &x->chains[i];

		if (c->chain->hook == hook &&
		    (c->chain->base || c->chain->foreign) &&
		    table_sees(c->table, f) &&
		    chain_untracks(x, c, f, DEPTH_MAX))
			return true;
	}
	return false;
}
