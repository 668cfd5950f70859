/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/image_copy.h"

#include <string.h>

#include "core/mem.h"

struct image_table *image_copy_table(struct image *to,
				     const struct image_table *from)
{
	struct image_table *t = image_add_table(to, from->family, from->name);

	if (t) {
		t->owned = from->owned;
		t->asleep = from->asleep;
		t->iptables = from->iptables;
	}
	return t;
}

struct image_chain *image_copy_chain(struct image_table *to,
				     const struct image_chain *from)
{
	struct image_chain *c = image_add_chain(to, from->name, from->hook);

	if (c) {
		c->base = from->base;
		c->foreign = from->foreign;
		c->odd = from->odd;
		c->stage = from->stage;
	}
	return c;
}

struct image_set *image_copy_set(struct image_table *to,
				 const struct image_set *from)
{
	struct image_set *s = image_add_set(to, from->name);

	if (!s)
		return NULL;
	s->interval = from->interval;
	s->hashed = from->hashed;
	s->size = from->size;
	s->proto = from->proto;
	s->family = from->family;
	s->stage = from->stage;
	s->timers = from->timers;
	memcpy(s->kind, from->kind, sizeof(s->kind));
	elems_init(&s->elems, from->elems.field, from->elems.n_fields);
	return s;
}

/* *ret is NULL where there is no origin to copy. */
static int copy_origin(struct image *img, const struct origin *from,
		       const struct origin **ret)
{
	char comment[COMMENT_MAX + 1];

	*ret = NULL;
	if (!from)
		return 0;
	origin_comment(from, comment, COMMENT_MAX);
	*ret = image_origin(img, comment);
	return *ret ? 0 : -ENOMEM;
}

static int copy_text(const char *from, char **ret)
{
	*ret = from ? strdup(from) : NULL;
	return *ret || !from ? 0 : -ENOMEM;
}

int image_copy_rule(struct image *img, struct image_chain *to,
		    const struct image_rule *from)
{
	struct image_rule *r = image_add_rule(to);
	int err;

	if (!r)
		return -ENOMEM;
	*r = *from;
	r->match = (struct match){ 0 };
	r->comment = r->unknown = NULL;
	r->origin = NULL;
	err = match_copy(&from->match, &r->match);
	if (!err)
		err = copy_text(from->comment, &r->comment);
	if (!err)
		err = copy_text(from->unknown, &r->unknown);
	return err ? err : copy_origin(img, from->origin, &r->origin);
}

int image_copy_rules(struct image *img, struct image_chain *to,
		     const struct image_chain *from)
{
	int err = 0;

	for (size_t i = 0; !err && i < from->n_rules; i++)
		err = image_copy_rule(img, to, &from->rules[i]);
	return err;
}

int elem_copy(struct elem_copier *c, const struct elems *from, size_t i)
{
	int err = 0;

	if (elems_origin(from, i) != c->from) {
		err = copy_origin(c->img, elems_origin(from, i), &c->made);
		c->from = err ? NULL : elems_origin(from, i);
	}
	return err ? err : elems_add(&c->to->elems, elems_first(from, i),
				     elems_last(from, i), c->made);
}

int image_copy_elems(struct image *img, struct image_set *to,
		     const struct image_set *from)
{
	struct elem_copier c = { .img = img, .to = to };
	int err = 0;

	for (size_t i = 0; !err && i < from->elems.n; i++)
		err = elem_copy(&c, &from->elems, i);
	return err;
}
