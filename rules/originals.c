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

typedef int rule_fn(void *arg, const struct image_table *t,
		    const struct image_chain *c, struct image_rule *r);

/* Each jump to a chain that stands in for a rule. */
static int each_jump(const struct image *img, rule_fn *fn, void *arg)
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
					err = fn(arg, t, c, &c->rules[r]);
		}
	}
	return err;
}

static int stop(void *arg, const struct image_table *t,
		const struct image_chain *c, struct image_rule *r)
{
	(void)arg;
	(void)t;
	(void)c;
	(void)r;
	return 1;
}

bool originals_stand(const struct image *img)
{
	return img && each_jump(img, stop, NULL);
}

static int attach(void *arg, const struct image_table *t,
		  const struct image_chain *c, struct image_rule *r)
{
	const struct originals *o = arg;

	(void)c;
	if (!r->original)
		r->original = originals_find(o, t->family, t->name, r->target);
	return 0;
}

void originals_attach(const struct originals *o, struct image *img)
{
	struct originals known = *o;

	(void)each_jump(img, attach, &known);
}

struct lacking {
	originals_lacks_fn *fn;
	void *arg;
};

static int note_lacks(void *arg, const struct image_table *t,
		      const struct image_chain *c, struct image_rule *r)
{
	const struct lacking *l = arg;

	return r->original ? l->fn(l->arg, t, c->name, r->original,
				   &r->lacks) : 0;
}

int originals_note_lacks(const struct image *img, originals_lacks_fn *fn,
			 void *arg)
{
	struct lacking l = { fn, arg };

	return each_jump(img, note_lacks, &l);
}

struct learning {
	struct originals *o;
	size_t n;
};

static int learn(void *arg, const struct image_table *t,
		 const struct image_chain *c, struct image_rule *r)
{
	struct learning *l = arg;
	const struct original x = { t->family, t->name, r->target,
				    r->original };
	const char *text;

	(void)c;
	if (!r->original)
		return 0;
	text = originals_find(l->o, t->family, t->name, r->target);
	l->n += !text || strcmp(text, r->original);
	return originals_add(l->o, &x);
}

int originals_learn(struct originals *o, const struct image *img,
		    size_t *ret_new)
{
	struct learning l = { .o = o };
	int err = each_jump(img, learn, &l);

	if (!err)
		*ret_new = l.n;
	return err;
}

void originals_release(struct originals *o)
{
	free(o->v);
	*o = (struct originals){ 0 };
}
