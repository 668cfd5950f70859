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

static bool is_sctp(const struct image_rule *r)
{
	return r->match.proto == IPPROTO_SCTP;
}

/* The NOTRACK rules that the chains have afterwards, by what they meet. */
struct kept {
	const struct image_rule **rule;
	size_t cap;
	struct name_index at;
};

static void kept_release(struct kept *k)
{
	free(k->rule);
	name_index_release(&k->at);
}

static uint32_t kept_kind(const struct image_table *t,
			  const struct image_rule *r)
{
	return digest_fold(image_rule_meets_digest(r)) ^ (uint32_t)t->family;
}

static int keep_chain(struct kept *k, const struct image_table *t,
		      const struct image_chain *c)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->n_rules; i++) {
		const struct image_rule *r = &c->rules[i];

		if (r->verdict != VERDICT_NOTRACK)
			continue;
		err = mem_grow(&k->rule, &k->cap, k->at.n + 1);
		if (err)
			break;
		k->rule[k->at.n] = r;
		err = name_index_add(&k->at, c->name, kept_kind(t, r));
	}
	return err;
}

static int keep_all(struct kept *k, const struct image *want)
{
	int err = 0;

	for (size_t i = 0; !err && i < want->n_tables; i++)
		for (size_t n = 0; !err && n < want->tables[i].n_chains; n++)
			err = keep_chain(k, &want->tables[i],
					 &want->tables[i].chains[n]);
	return err;
}

/* Two rules of one digest that differ are as good as none. */
static bool is_kept(const struct kept *k, const struct step *s)
{
	size_t i = name_index_find(&k->at, s->chain->name,
				   kept_kind(s->table, s->rule));

	return i != SIZE_MAX && image_rule_meets_same(k->rule[i], s->rule);
}

static int add_sets(struct name_index *sets, const struct image_rule *r)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < r->n_lookups; i++)
		if (name_index_find(sets, r->lookup[i].set, 0) == SIZE_MAX)
			err = name_index_add(sets, r->lookup[i].set, 0);
	return err;
}

static int add_chain_sets(struct name_index *sets, const struct image_chain *c,
			  kind_fn *kind)
{
	int err = 0;

	for (size_t i = 0; !err && i < c->n_rules; i++)
		if (kind(&c->rules[i]))
			err = add_sets(sets, &c->rules[i]);
	return err;
}

/* The sets that rules of this kind look up. */
static int find_sets(struct name_index *sets, const struct image *img,
		     kind_fn *kind)
{
	int err = 0;

	for (size_t i = 0; !err && i < img->n_tables; i++)
		for (size_t n = 0; !err && n < img->tables[i].n_chains; n++)
			err = add_chain_sets(
				sets, &img->tables[i].chains[n], kind);
	return err;
}

static bool is_end_of_notrack(const struct step *s)
{
	return !s->add && (s->phase == PHASE_DEL_NOTRACK_REQUEST ||
			   s->phase == PHASE_DEL_NOTRACK_REPLY);
}

static bool concerns(const struct changeset *cs, const struct kept *kept,
		     kind_fn *kind)
{
	_cleanup_(name_index_release) struct name_index sets = { 0 };

	if (find_sets(&sets, cs->live, kind))
		return true;
	for (size_t i = 0; i < cs->n; i++) {
		const struct step *s = &cs->steps[i];

		if (!is_end_of_notrack(s))
			continue;
		/* What the sets of one that is kept lose are other steps. */
		if (s->rule && s->rule->verdict == VERDICT_NOTRACK &&
		    kind(s->rule) && !is_kept(kept, s))
			return true;
		if (s->set &&
		    name_index_find(&sets, s->set->name, 0) != SIZE_MAX)
			return true;
	}
	return false;
}

void tracking_cuts_find(const struct changeset *cs, struct tracking_cuts *ret)
{
	_cleanup_(kept_release) struct kept kept = { 0 };

	if (!cs)
		return;
	if (keep_all(&kept, cs->want)) {
		*ret = (struct tracking_cuts){ true, true };
		return;
	}
	ret->forwarded |= concerns(cs, &kept, image_rule_is_transit);
	ret->sctp |= concerns(cs, &kept, is_sctp);
}
