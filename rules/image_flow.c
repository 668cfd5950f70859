/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/image_flow.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "core/mem.h"

/* How deep jumps may lead; ours are one deep. */
#define DEPTH_MAX 8

/*
 * A set, and for each element how far the first field of it and of all before
 * it reaches: a search from the last element that begins before a value ends
 * where nothing reaches it any more.
 */
struct index {
	const struct image_set *set;
	uint8_t *reach;
};

struct image_flows {
	const struct image *img;
	struct index *v;
	size_t n;
};

static int index_fill(struct index *x)
{
	const struct elems *e = &x->set->elems;
	size_t w = e->n_fields ? field_width(e->field[0]) : 0;

	x->reach = malloc(e->n * w + 1);
	if (!x->reach)
		return -ENOMEM;
	for (size_t i = 0; i < e->n; i++) {
		const uint8_t *far = elems_last(e, i);

		if (i && memcmp(x->reach + (i - 1) * w, far, w) > 0)
			far = x->reach + (i - 1) * w;
		memcpy(x->reach + i * w, far, w);
	}
	return 0;
}

int image_flows_new(const struct image *img, struct image_flows **ret)
{
	_cleanup_(image_flows_free) struct image_flows *x =
		calloc(1, sizeof(*x));
	size_t n = 0;

	if (!x)
		return -ENOMEM;
	x->img = img;
	for (size_t i = 0; i < img->n_tables; i++)
		n += img->tables[i].n_sets;
	x->v = calloc(n + 1, sizeof(*x->v));
	if (!x->v)
		return -ENOMEM;
	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; k < img->tables[i].n_sets; k++) {
			struct index *to = &x->v[x->n++];

			to->set = &img->tables[i].sets[k];
			if (index_fill(to))
				return -ENOMEM;
		}
	*ret = TAKE_PTR(x);
	return 0;
}

void image_flows_free(struct image_flows **x)
{
	if (!*x)
		return;
	for (size_t i = 0; i < (*x)->n; i++)
		free((*x)->v[i].reach);
	free((*x)->v);
	free(*x);
	*x = NULL;
}

static const struct index *find_index(const struct image_flows *x,
				      const struct image_set *set)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->v[i].set == set)
			return &x->v[i];
	return NULL;
}

/* A set of the rule's table, or an ipset, which is in none. */
static const struct index *find_set(const struct image_flows *x,
				    const struct image_table *t,
				    const char *name)
{
	const struct image_set *s = image_find_set(t, name);

	for (size_t i = 0; !s && i < x->img->n_tables; i++)
		if (x->img->tables[i].family == NFPROTO_UNSPEC)
			s = image_find_set(&x->img->tables[i], name);
	return s ? find_index(x, s) : NULL;
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
	case KEY_OIFNAME:
	case KEY_PART_MAX_:
		break;
	}
	return true;
}

/* A value that is not known: what can still be ruled out is. */
static bool may_hold(const struct flow *f, enum field_type type,
		     const uint8_t *first, const uint8_t *last)
{
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

static bool holds(const struct elems *e, size_t i, const struct flow *f,
		  const struct value *v)
{
	size_t at = 0;

	for (unsigned int k = 0; k < e->n_fields; k++) {
		const uint8_t *first = elems_first(e, i) + at;
		const uint8_t *last = elems_last(e, i) + at;
		size_t w = field_width(e->field[k]);

		if (v[k].known ? memcmp(v[k].bytes, first, w) < 0 ||
				 memcmp(v[k].bytes, last, w) > 0 :
				 !may_hold(f, e->field[k], first, last))
			return false;
		at += w;
	}
	return true;
}

/* How many elements begin, in their first field, at `value` or before. */
static size_t begin_before(const struct elems *e, const uint8_t *value)
{
	size_t w = field_width(e->field[0]), lo = 0, hi = e->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(elems_first(e, mid), value, w) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool in_elems(const struct index *x, const struct flow *f,
		     const struct value *v)
{
	const struct elems *e = &x->set->elems;
	size_t w, i;

	if (!e->n_fields || !e->n)
		return false;
	w = field_width(e->field[0]);
	i = v[0].known ? begin_before(e, v[0].bytes) : e->n;
	while (i && (!v[0].known ||
		     memcmp(x->reach + (i - 1) * w, v[0].bytes, w) >= 0))
		if (holds(e, --i, f, v))
			return true;
	return false;
}

static bool in_set(const struct image_flows *x, const struct image_table *t,
		   const struct lookup *l, const struct flow *f)
{
	struct value v[ELEMS_MAX_FIELDS] = { { 0 } };
	const struct index *set = find_set(x, t, l->set);

	if (!set || l->n_parts != set->set->elems.n_fields)
		return false;
	for (unsigned int i = 0; i < l->n_parts; i++)
		if (!get_value(f, l->part[i], set->set->elems.field[i], &v[i]))
			return false;
	return in_elems(set, f, v);
}

static bool rule_takes(const struct image_flows *x,
		       const struct image_table *t,
		       const struct image_rule *r, const struct flow *f)
{
	if (r->verdict == VERDICT_UNKNOWN || !flow_matches(f, &r->match))
		return false;
	for (unsigned int i = 0; i < r->n_lookups; i++)
		if (!in_set(x, t, &r->lookup[i], f))
			return false;
	return true;
}

static bool chain_untracks(const struct image_flows *x,
			   const struct image_table *t,
			   const struct image_chain *c, const struct flow *f,
			   unsigned int depth)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct image_rule *r = &c->rules[i];
		const struct image_chain *to;

		if ((r->verdict != VERDICT_NOTRACK &&
		     r->verdict != VERDICT_JUMP) || !rule_takes(x, t, r, f))
			continue;
		if (r->verdict == VERDICT_NOTRACK)
			return true;
		to = depth ? image_find_chain(t, r->target) : NULL;
		if (to && chain_untracks(x, t, to, f, depth - 1))
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

bool image_untracks(const struct image_flows *x, const struct flow *f,
		    enum hook hook)
{
	for (size_t i = 0; i < x->img->n_tables; i++) {
		const struct image_table *t = &x->img->tables[i];

		for (size_t k = 0; table_sees(t, f) && k < t->n_chains; k++)
			if (t->chains[k].hook == hook &&
			    (t->chains[k].base || t->chains[k].foreign) &&
			    chain_untracks(x, t, &t->chains[k], f, DEPTH_MAX))
				return true;
	}
	return false;
}
