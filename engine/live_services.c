/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/live_services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"

/* The services that one rule is for. */
struct names {
	const char **v;
	size_t n, cap;
};

static int add_name(struct names *s, const struct origin *o)
{
	const char *name = o && o->service ? intern(o->service) : "";

	if (!name)
		return -ENOMEM;
	for (size_t i = s->n; i > 0; i--)
		if (s->v[i - 1] == name)
			return 0;
	if (!*name)
		return 0;
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return -ENOMEM;
	s->v[s->n++] = name;
	return 0;
}

static int add_elements(struct names *s, const struct image *img,
			const char *set)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; k < img->tables[i].n_sets; k++) {
			const struct image_set *x = &img->tables[i].sets[k];

			for (size_t m = 0; !err && m < x->elems.n &&
					   !strcmp(x->name, set); m++)
				err = add_name(s, x->elems.origin[m]);
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

static struct live_service *need_service(struct live_services *s,
					 const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].name == name)
			return &s->v[i];
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return NULL;
	s->v[s->n] = (struct live_service){ .name = name, .counted = true };
	return &s->v[s->n++];
}

static int add_count(struct live_services *s, const char *service,
		     const char *chain, const struct image_rule *r)
{
	uint8_t family = r->match.family;
	size_t i = 0;

	while (i < s->n_counts && (s->counts[i].service != service ||
				   s->counts[i].chain != chain ||
				   s->counts[i].family != family))
		i++;
	if (i == s->n_counts) {
		if (mem_grow(&s->counts, &s->cap_counts, i + 1))
			return -ENOMEM;
		s->counts[s->n_counts++] = (struct live_count){
			service, chain, family, 0, 0,
		};
	}
	s->counts[i].packets += r->packets;
	s->counts[i].bytes += r->bytes;
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
	mem_free_const(of.v);
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
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].name == c->service && s->v[i].counted) {
			s->v[i].packets += c->packets;
			s->v[i].bytes += c->bytes;
			return true;
		}
	return false;
}

void live_services_finish(struct live_services *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_counts; i++)
		if (take_count(s, &s->counts[i]))
			s->counts[n++] = s->counts[i];
	s->n_counts = n;
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_name);
	if (n)
		qsort(s->counts, n, sizeof(*s->counts), by_place);
}

void live_services_release(struct live_services *s)
{
	free(s->v);
	free(s->counts);
	*s = (struct live_services){ 0 };
}
