/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/tracking_cuts.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "core/digest.h"
#include "core/mem.h"
#include "rules/changeset.h"
#include "rules/name_index.h"

typedef bool kind_fn(const struct image_rule *r);

/* Those of one kind: the sets that rules look up, and what else is kept. */
struct kind {
	kind_fn *is;
	struct name_index sets;
	/* The NOTRACK rules that chains have afterwards, by what they meet. */
	struct name_index at;
	const struct image_rule **rule;
	size_t cap;
};

typedef int take_fn(struct kind *k, const struct image_table *t,
		    const struct image_chain *c, const struct image_rule *r);

static void kind_release(struct kind *k)
{
	name_index_release(&k->sets);
	name_index_release(&k->at);
	free(k->rule);
}

static bool is_sctp(const struct image_rule *r)
{
	return r->match.proto == IPPROTO_SCTP;
}

static int each_of_chain(struct kind *k, const struct image_table *t,
			 const struct image_chain *c, take_fn *take)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->n_rules; i++)
		if (k->is(&c->rules[i]))
			err = take(k, t, c, &c->rules[i]);
	return err;
}

static int each_of_kind(struct kind *k, const struct image *img, take_fn *take)
{
	int err = 0;

	for (size_t i = 0; !err && i < img->n_tables; i++)
		for (size_t n = 0; !err && n < img->tables[i].n_chains; n++)
			err = each_of_chain(k, &img->tables[i],
					    &img->tables[i].chains[n], take);
	return err;
}

static uint32_t kept_kind(const struct image_table *t,
			  const struct image_rule *r)
{
	return digest_fold(image_rule_meets_digest(r)) ^ (uint32_t)t->family;
}

static int keep_rule(struct kind *k, const struct image_table *t,
		     const struct image_chain *c, const struct image_rule *r)
{
	if (r->verdict != VERDICT_NOTRACK)
		return 0;
	if (mem_grow(&k->rule, &k->cap, k->at.n + 1))
		return -ENOMEM;
	k->rule[k->at.n] = r;
	return name_index_add(&k->at, c->name, kept_kind(t, r));
}

static int keep_sets(struct kind *k, const struct image_table *t,
		     const struct image_chain *c, const struct image_rule *r)
{
	int err = 0;

	(void)t;
	(void)c;
	for (unsigned int i = 0; !err && i < r->n_lookups; i++)
		err = name_index_add(&k->sets, r->lookup[i].set, 0);
	return err;
}

/* Two rules of one digest that differ are as good as none. */
static bool is_kept(const struct kind *k, const struct step *s)
{
	size_t i = name_index_find(&k->at, s->chain->name,
				   kept_kind(s->table, s->rule));

	return i != SIZE_MAX && image_rule_meets_same(k->rule[i], s->rule);
}

/* What the sets of a rule that is kept lose are steps of their own. */
static bool is_cut(const struct kind *k, const struct step *s)
{
	if (s->set)
		return name_index_find(&k->sets, s->set->name, 0) != SIZE_MAX;
	return s->rule && s->rule->verdict == VERDICT_NOTRACK &&
	       k->is(s->rule) && !is_kept(k, s);
}

static bool concerns(const struct changeset *cs, kind_fn *is)
{
	_cleanup_(kind_release) struct kind k = { .is = is };

	if (each_of_kind(&k, cs->want, keep_rule) ||
	    each_of_kind(&k, cs->live, keep_sets))
		return true;
	for (size_t i = 0; i < cs->n; i++)
		if (!cs->steps[i].add &&
		    step_is_notrack(&cs->steps[i], false) &&
		    is_cut(&k, &cs->steps[i]))
			return true;
	return false;
}

void tracking_cuts_find(const struct changeset *cs, struct tracking_cuts *ret)
{
	if (!cs)
		return;
	ret->forwarded |= concerns(cs, image_rule_is_transit);
	ret->sctp |= concerns(cs, is_sctp);
}
