/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_lower_sets.c: the sets of one class of groups.
 *
 * Exact keys go to a hash set and true ranges to an interval set of their own:
 * one range in a set makes all of it an interval set, which costs a packet
 * more. Ports stand first in a key, since the kernel walks all that still
 * matches after each field.
 */
#include <string.h>

#include "backends/nft/nft_lower.h"
#include "backends/nft/nft_order.h"
#include "core/intern.h"
#include "core/mem.h"

#define SPREAD_MAX 16		/* ports of a range written one by one */
#define PRODUCT_MIN 256		/* elements that one service may always have */
#define PREFIXES_MAX 512	/* networks of one service in a shared set */
#define BITMAP_MAX 1024		/* ports of a set that may be a bitmap */

/* What is being made, of the class's first group. */
struct making {
	const struct nft_place *at;
	const struct fuse *f;
	const struct fuse_group *g;
	size_t first;
	struct strbuf name;		/* of its sets, as it begins */
	struct nft_covers *out;
};

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
		return elems_add(to, key, key, elems_origin(e, i));
	port = (unsigned int)(key[0] << 8 | key[1]);
	for (unsigned int k = 0; !err && k < n; k++) {
		key[0] = (uint8_t)((port + k) >> 8);
		key[1] = (uint8_t)(port + k);
		err = elems_add(to, key, key, elems_origin(e, i));
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
				    elems_last(all, i), elems_origin(all, i));
	}
	return err;
}

/*
 * Keys of two bytes get a bitmap, and beside it a list, which the kernel walks
 * for each element that is added: n ports take n * n / 2 steps.
 *
 * Source: nft_bitmap_insert() in the kernel's net/netfilter/nft_set_bitmap.c.
 */
static bool needs_hash(const struct elems *e, bool interval)
{
	return !interval && e->width <= 2 && e->n > BITMAP_MAX;
}

#define ROOM_MIN 1024		/* elements; smaller sets may grow */

/*
 * A large hash set gets its room at once: the kernel then takes a table of
 * fixed size, which fills, dumps and answers faster than one that grows, and
 * is never caught growing. An eighth and more is left for later additions.
 *
 * Source: nft_select_set_ops(), nft_hash_estimate() in the kernel's
 *         net/netfilter/nft_set_hash.c. A bitmap has room for all.
 */
static uint32_t room_for(const struct elems *e, bool interval)
{
	uint32_t step = 256;

	if (interval || e->n < ROOM_MIN || e->n > UINT32_MAX / 2 ||
	    (e->width <= 2 && !needs_hash(e, interval)))
		return 0;
	/* Coarse steps: nearly the same policy asks for the same room. */
	while (step < e->n / 4)
		step *= 2;
	return (uint32_t)((e->n + e->n / 8 + step) / step * step);
}

static const char *free_name(const struct making *k, const struct strbuf *base,
			     const char *suffix)
{
	_cleanup_(strbuf_release) struct strbuf raw = { 0 };
	const char *name;

	strbuf_join(&raw, base);
	while (!strbuf_status(&raw)) {
		name = nft_name_finish(k->at->prefix, &raw, suffix);
		if (!name || !image_find_set(k->at->table, name))
			return name;
		/* two classes that words do not tell apart */
		nft_name_legs(k->f, k->first, &raw);
	}
	return NULL;
}

/* Move e into a new set of the table; name it in `ret`. */
static int place_set(const struct making *k, const struct strbuf *base,
		     const char *suffix, struct elems *e, bool interval,
		     struct lookup *ret)
{
	const char *name = free_name(k, base, suffix);
	struct image_set *s = name ? image_add_set(k->at->table, name) : NULL;

	if (!s)
		return -ENOMEM;
	ret->set = s->name;
	s->family = nft_fields_family(e);
	s->interval = interval;
	s->hashed = needs_hash(e, interval);
	s->size = room_for(e, interval);
	s->elems = *e;
	*e = (struct elems){ 0 };
	return 0;
}

static int add_cover(const struct making *k, const struct nft_cover *c)
{
	int err = mem_grow(&k->out->v, &k->out->cap, k->out->n + 1);

	if (!err)
		k->out->v[k->out->n++] = *c;
	return err;
}

/* One set over all parts. */
static int put_fused(const struct making *k, const struct nft_cover *base,
		     struct elems *e, bool interval)
{
	struct nft_cover c = *base;
	struct lookup *l = &c.lookup[0];
	const char *suffix = needs_hash(e, interval) ? "_h" : "";
	int err = 0;

	if (!e->n)
		return 0;
	memcpy(l->part, k->g->part, sizeof(k->g->part));
	l->n_parts = k->g->n_parts;
	c.n_lookups = 1;
	if (interval)
		err = nft_order_fields(e, l->part, &suffix);
	if (!err)
		err = place_set(k, &k->name, suffix, e, interval, l);
	return err ? err : add_cover(k, &c);
}

static size_t count_networks(const struct prefix_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		n += !prefix_is_host(&p);
	}
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

static int put_all_fused(const struct making *k)
{
	const struct fuse_group *g = k->g;
	_cleanup_(elems_release) struct elems all = { 0 };
	_cleanup_(elems_release) struct elems exact = { 0 };
	_cleanup_(elems_release) struct elems range = { 0 };
	struct nft_cover base = { .dedicated = g->model.counts };
	int err = 0;

	fuse_init_elems(g, g->part, g->n_parts, &all);
	for (size_t i = 0; !err && i < g->n_members; i++) {
		if (is_big(g, g->members[i]))
			continue;
		if (!base.origin)
			base.origin = g->members[i]->origin;
		err = fuse_expand(g->members[i], g->part, g->n_parts, &all);
	}
	if (!err)
		err = elems_canonical(&all);
	if (!err)
		err = split(&all, &exact, &range);
	elems_release(&all);
	if (!err)
		err = put_fused(k, &base, &exact, false);
	return err ? err : put_fused(k, &base, &range, true);
}

static int dimension(const struct making *k, const struct rule *r,
		     unsigned int i, unsigned int serial, struct lookup *ret)
{
	_cleanup_(elems_release) struct elems e = { 0 };
	_cleanup_(strbuf_release) struct strbuf raw = { 0 };
	const char *service = r->origin->service;
	bool interval;
	int err;

	fuse_init_elems(k->g, &k->g->part[i], 1, &e);
	err = fuse_expand(r, &k->g->part[i], 1, &e);
	if (!err)
		err = elems_canonical(&e);
	if (err)
		return err;
	strbuf_printf(&raw, "%s-%s", strbuf_text(&k->name, &raw.lost),
		      service ? service : "ctpolicy");
	if (serial)
		strbuf_printf(&raw, "-%u", serial);
	strbuf_printf(&raw, "-%u", i + 1);
	interval = !elems_all_exact(&e);
	ret->part[0] = k->g->part[i];
	ret->n_parts = 1;
	return place_set(k, &raw, interval ? "_r" :
			 needs_hash(&e, interval) ? "_h" : "", &e, interval,
			 ret);
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
static int put_big(const struct making *k)
{
	const struct fuse_group *g = k->g;
	int err = 0;

	for (size_t i = 0; !err && i < g->n_members; i++) {
		const struct rule *r = g->members[i];
		struct nft_cover c = { .origin = r->origin, .dedicated = true,
				       .n_lookups = g->n_parts };

		if (!is_big(g, r))
			continue;
		for (unsigned int n = 0; !err && n < g->n_parts; n++)
			err = dimension(k, r, n, serial_of(g, i), &c.lookup[n]);
		if (!err)
			err = add_cover(k, &c);
	}
	return err;
}

int nft_lower_sets(const struct nft_place *at, const struct fuse *f,
		   size_t first, struct nft_covers *ret)
{
	struct making k = { .at = at, .f = f, .g = &f->v[first],
			    .first = first, .out = ret };
	int err;

	if (fuse_is_shared(f, first))
		nft_name_class(f, first, &k.name);
	else
		nft_name_shape(k.g, &k.name);
	err = strbuf_status(&k.name);
	if (!err)
		err = put_all_fused(&k);
	if (!err)
		err = put_big(&k);
	strbuf_release(&k.name);
	return err;
}
