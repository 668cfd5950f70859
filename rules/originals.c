/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/originals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "rules/own_names.h"

static struct original *find(const struct originals *o, uint8_t family,
			     const char *table, const char *stand_in)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].family == family &&
		    !strcmp(o->v[i].stand_in, stand_in) &&
		    !strcmp(o->v[i].table, table))
			return &o->v[i];
	return NULL;
}

int originals_add(struct originals *o, const struct original *x)
{
	struct original *there = find(o, x->family, x->table, x->stand_in);

	if (there) {
		there->text = x->text;
		return 0;
	}
	if (mem_grow(&o->v, &o->cap, o->n + 1))
		return -ENOMEM;
	o->v[o->n++] = *x;
	return 0;
}

const char *originals_find(const struct originals *o, uint8_t family,
			   const char *table, const char *stand_in)
{
	const struct original *x = find(o, family, table, stand_in);

	return x ? x->text : NULL;
}

typedef int rule_fn(struct originals *o, const struct image_table *t,
		    struct image_rule *r, size_t *n);

/* Each jump to a chain that stands in for a rule. */
static int each_jump(struct originals *o, const struct image *img,
		     rule_fn *fn, size_t *n)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_chains; k++) {
			const struct image_chain *c = &t->chains[k];

			for (size_t r = 0; !err && c->foreign &&
			     r < c->n_rules; r++)
				if (c->rules[r].verdict == VERDICT_JUMP &&
				    own_names_stand_in(c->rules[r].target))
					err = fn(o, t, &c->rules[r], n);
		}
	}
	return err;
}

static int attach(struct originals *o, const struct image_table *t,
		  struct image_rule *r, size_t *n)
{
	(void)n;
	if (!r->original)
		r->original = originals_find(o, t->family, t->name, r->target);
	return 0;
}

void originals_attach(const struct originals *o, struct image *img)
{
	struct originals known = *o;

	(void)each_jump(&known, img, attach, NULL);
}

static int learn(struct originals *o, const struct image_table *t,
		 struct image_rule *r, size_t *n)
{
	const struct original x = { t->family, t->name, r->target,
				    r->original };
	const char *text;

	if (!r->original)
		return 0;
	text = originals_find(o, t->family, t->name, r->target);
	*n += !text || strcmp(text, r->original);
	return originals_add(o, &x);
}

int originals_learn(struct originals *o, const struct image *img,
		    size_t *ret_new)
{
	size_t n = 0;
	int err = each_jump(o, img, learn, &n);

	if (!err)
		*ret_new = n;
	return err;
}

void originals_release(struct originals *o)
{
	free(o->v);
	*o = (struct originals){ 0 };
}
