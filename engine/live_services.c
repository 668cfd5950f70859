/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/live_services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"

/* The services that one rule is for. */
struct names {
	const char **v;
	size_t n, cap;
	struct name_index at;
};

static void names_release(struct names *s)
{
	mem_free_const(s->v);
	name_index_release(&s->at);
}

static int add_name(struct names *s, const struct origin *o)
{
	const char *name = o && o->service ? intern(o->service) : "";
	int err;

	if (!name)
		return -ENOMEM;
	if (!*name || (s->n && s->v[s->n - 1] == name) ||
	    name_index_find(&s->at, name, 0) < s->n)
		return 0;
	err = mem_grow(&s->v, &s->cap, s->n + 1);
	if (!err)
		err = name_index_add(&s->at, name, 0);
	if (!err)
		s->v[s->n++] = name;
	return err;
}

static int add_elements(struct names *s, const struct image *img,
			const char *set)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_set *x =
			image_find_set(&img->tables[i], set);

		for (size_t m = 0; x && !err && m < x->elems.n; m++)
			err = add_name(s, elems_origin(&x->elems, m));
	}
	return err;
}

static int names_of(const struct image *img, const struct image_rule *r,
		    struct names *ret)
{
	int err = add_name(ret, r->origin);

	for (unsigned int i = 0; !err && i < r->n_lookups; i++)
		err = add_elements(ret, img, r->lookup[i].set);
	return err;
}

static struct live_service *find_service(const struct live_services *s,
					 const char *name)
{
	size_t i = name_index_find(&s->at, name, 0);

	return i < s->n ? &s->v[i] : NULL;
}

static struct live_service *need_service(struct live_services *s,
					 const char *name)
{
	struct live_service *x = find_service(s, name);

	if (x)
		return x;
	if (mem_grow(&s->v, &s->cap, s->n + 1) ||
	    name_index_add(&s->at, name, 0))
		return NULL;
	s->v[s->n] = (struct live_service){ .name = name, .counted = true };
	return &s->v[s->n++];
}

/* Where packets are counted; those that share a digest may still differ. */
static uint32_t place_digest(const char *chain, uint8_t family)
{
	uint64_t h = digest_add(DIGEST_START, chain, strlen(chain));

	return digest_fold(digest_add(h, &family, sizeof(family)));
}

static struct live_count *need_count(struct live_services *s,
				     const char *service, const char *chain,
				     uint8_t family)
{
	uint32_t place = place_digest(chain, family);
	size_t i = name_index_find(&s->counts_at, service, place);

	for (; i < s->n_counts; i++)
		if (s->counts[i].service == service &&
		    s->counts[i].chain == chain &&
		    s->counts[i].family == family)
			return &s->counts[i];
	if (mem_grow(&s->counts, &s->cap_counts, s->n_counts + 1) ||
	    name_index_add(&s->counts_at, service, place))
		return NULL;
	s->counts[s->n_counts] = (struct live_count){
		service, chain, family, 0, 0,
	};
	return &s->counts[s->n_counts++];
}

static int add_count(struct live_services *s, const char *service,
		     const char *chain, const struct image_rule *r)
{
	struct live_count *c = need_count(s, service, chain, r->match.family);

	if (!c)
		return -ENOMEM;
	c->packets += r->packets;
	c->bytes += r->bytes;
	return 0;
}

static int add_rule(struct live_services *s, const struct image *img,
		    const char *chain, const struct image_rule *r)
{
	struct names of = { 0 };
	int err = names_of(img, r, &of);
	bool alone = of.n == 1 && r->counted;

	for (size_t i = 0; !err && i < of.n; i++) {
		struct live_service *x = need_service(s, of.v[i]);

		if (!x)
			err = -ENOMEM;
		else if (!alone)
			x->counted = false;
	}
	if (!err && alone)
		err = add_count(s, of.v[0], chain, r);
	names_release(&of);
	return err;
}

int live_services_add(struct live_services *s, const struct image *img,
		      enum verdict verdict)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; k < img->tables[i].n_chains; k++) {
			const struct image_chain *c = &img->tables[i].chains[k];

			for (size_t m = 0; !err && m < c->n_rules; m++)
				if (verdict == VERDICT_MAX_ ||
				    c->rules[m].verdict == verdict)
					err = add_rule(s, img, c->name,
						       &c->rules[m]);
		}
	return err;
}

static int by_name(const void *a, const void *b)
{
	const struct live_service *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_place(const void *a, const void *b)
{
	const struct live_count *x = a, *y = b;
	int c = strcmp(x->service, y->service);

	if (!c)
		c = strcmp(x->chain, y->chain);
	return c ? c : (x->family > y->family) - (x->family < y->family);
}

static bool take_count(struct live_services *s, const struct live_count *c)
{
	struct live_service *x = find_service(s, c->service);

	if (!x || !x->counted)
		return false;
	x->packets += c->packets;
	x->bytes += c->bytes;
	return true;
}

void live_services_finish(struct live_services *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_counts; i++)
		if (take_count(s, &s->counts[i]))
			s->counts[n++] = s->counts[i];
	s->n_counts = n;
	name_index_release(&s->at);
	name_index_release(&s->counts_at);
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_name);
	if (n)
		qsort(s->counts, n, sizeof(*s->counts), by_place);
}

void live_services_release(struct live_services *s)
{
	free(s->v);
	free(s->counts);
	name_index_release(&s->at);
	name_index_release(&s->counts_at);
	*s = (struct live_services){ 0 };
}
