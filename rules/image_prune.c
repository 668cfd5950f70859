/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/image_prune.h"

#include <string.h>

#include "core/mem.h"

void losses_release(struct image_losses *l)
{
	free(l->v);
	*l = (struct image_losses){ 0 };
}

static bool is_at(const struct image_loss *l, enum step_kind kind,
		  const struct image_table *t, const char *name)
{
	return l->kind == kind && l->family == t->family &&
	       !strcmp(l->table, t->name) && !strcmp(l->name, name);
}

static int note(struct image_losses *out, enum step_kind kind,
		const struct image_table *t, const char *name)
{
	struct image_loss *l;

	for (size_t i = 0; i < out->n; i++)
		if (is_at(&out->v[i], kind, t, name)) {
			out->v[i].n += kind == STEP_RULE;
			return 0;
		}
	if (mem_grow(&out->v, &out->cap, out->n + 1))
		return -ENOMEM;
	l = &out->v[out->n++];
	*l = (struct image_loss){
		.kind = kind, .family = t->family, .table = t->name,
		.name = name, .n = 1,
	};
	return 0;
}

int image_prune_set(struct image_table *t, size_t i, struct image_losses *out)
{
	int err = note(out, STEP_SET, t, t->sets[i].name);

	if (err)
		return err;
	image_set_release(&t->sets[i]);
	name_index_release(&t->set_at);
	t->n_sets--;
	memmove(&t->sets[i], &t->sets[i + 1],
		(t->n_sets - i) * sizeof(*t->sets));
	return 0;
}

int image_prune_chain(struct image_table *t, size_t i,
		      struct image_losses *out)
{
	struct image_chain *c = &t->chains[i];
	int err = note(out, STEP_CHAIN, t, c->name);

	if (err)
		return err;
	image_chain_release(c);
	name_index_release(&t->chain_at);
	t->n_chains--;
	memmove(c, c + 1, (t->n_chains - i) * sizeof(*c));
	return 0;
}

int image_prune_rule(const struct image_table *t, struct image_chain *c,
		     size_t i, struct image_losses *out)
{
	int err = note(out, STEP_RULE, t, c->name);

	if (err)
		return err;
	image_rule_release(&c->rules[i]);
	c->n_rules--;
	memmove(&c->rules[i], &c->rules[i + 1],
		(c->n_rules - i) * sizeof(*c->rules));
	return 0;
}

/* Does this rule have to go? */
typedef bool rule_test(const struct image *img, const struct image_table *t,
		       const struct image_rule *r);

static int prune_rules(struct image *img, rule_test *goes,
		       struct image_losses *out)
{
	int err = 0;

	for (size_t i = 0; i < img->n_tables; i++) {
		struct image_table *t = &img->tables[i];

		for (size_t k = 0; k < t->n_chains; k++) {
			struct image_chain *c = &t->chains[k];

			for (size_t n = c->n_rules; !err && n--;)
				if (goes(img, t, &c->rules[n]))
					err = image_prune_rule(t, c, n, out);
		}
	}
	return err;
}

static bool is_unknown(const struct image *img, const struct image_table *t,
		       const struct image_rule *r)
{
	(void)img;
	(void)t;
	return r->verdict == VERDICT_UNKNOWN;
}

int image_prune_unknown(struct image *img, struct image_losses *out)
{
	int err = prune_rules(img, is_unknown, out);

	for (size_t i = 0; i < img->n_tables; i++) {
		struct image_table *t = &img->tables[i];

		for (size_t k = t->n_sets; !err && k--;)
			if (!image_set_is_known(&t->sets[k]))
				err = image_prune_set(t, k, out);
		for (size_t k = t->n_chains; !err && k--;)
			if (t->chains[k].odd)
				err = image_prune_chain(t, k, out);
	}
	return err;
}

/* In the rule's own table, or among the sets that are in no table (ipset). */
static bool set_is_there(const struct image *img, const struct image_table *t,
			 const char *name)
{
	if (image_find_set(t, name))
		return true;
	for (size_t i = 0; i < img->n_tables; i++)
		if (!img->tables[i].family &&
		    image_find_set(&img->tables[i], name))
			return true;
	return false;
}

static bool dangles(const struct image *img, const struct image_table *t,
		    const struct image_rule *r)
{
	if (r->verdict == VERDICT_TIMERS)
		return !set_is_there(img, t, r->target);
	if (r->target && !image_find_chain(t, r->target))
		return true;
	for (unsigned int i = 0; i < r->n_lookups; i++)
		if (!set_is_there(img, t, r->lookup[i].set))
			return true;
	return false;
}

int image_prune_dangling(struct image *img, struct image_losses *out)
{
	return prune_rules(img, dangles, out);
}
