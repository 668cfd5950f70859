/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/past.c: from a record back to the previous rules. */
#include "engine/past.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "engine/past_loss.h"
#include "rules/image_delta.h"

struct past {
	struct image_delta delta;
	uint64_t digest_before, digest_after;
	bool told;		/* what cannot be restored */
};

static int parse(const struct backend *b, const struct rules_text *text,
		 struct image **ret, struct diags *d)
{
	return b->parse("record", text->s, text->len, ret, d);
}

int past_read(const struct backend *b, const struct record_part *part,
	      struct past **ret, struct diags *d)
{
	_cleanup_(past_free) struct past *p = calloc(1, sizeof(*p));
	int err = p ? 0 : -ENOMEM;

	if (!err)
		err = parse(b, &part->before, &p->delta.before, d);
	if (!err)
		err = parse(b, &part->after, &p->delta.after, d);
	if (err)
		return err;
	p->digest_before = part->digest_before;
	p->digest_after = part->digest_after;
	*ret = TAKE_PTR(p);
	return 0;
}

void past_free(struct past **p)
{
	if (!*p)
		return;
	image_delta_release(&(*p)->delta);
	free(*p);
	*p = NULL;
}

bool past_is_complete(const struct past *p, const struct image *live)
{
	for (size_t i = 0; i < live->n_tables; i++)
		if (live->tables[i].asleep)
			return false;
	return image_digest(live) == p->digest_after;
}

/* Does the host still have the chain that our jumps were in? */
static bool is_there(const struct survey *s, const struct image_table *t,
		     const struct image_chain *c)
{
	if (!s->knows_places)
		return true;
	for (size_t i = 0; i < s->n_places; i++)
		if (s->places[i].family == t->family &&
		    !strcmp(s->places[i].table, t->name) &&
		    !strcmp(s->places[i].chain, c->name))
			return true;
	return false;
}

static bool is_looked_up(const struct image_table *t, const char *set)
{
	for (size_t i = 0; i < t->n_chains; i++)
		for (size_t k = 0; k < t->chains[i].n_rules; k++) {
			const struct image_rule *r = &t->chains[i].rules[k];

			for (unsigned int n = 0; n < r->n_lookups; n++)
				if (!strcmp(r->lookup[n].set, set))
					return true;
		}
	return false;
}

/* In a table of the host's, our chains and sets only serve our jumps. */
static int prune_orphans(struct image_table *t)
{
	_cleanup_(losses_release) struct image_losses unsaid = { 0 };
	int err = 0;

	for (size_t i = t->n_chains; !err && i--;)
		if (!t->chains[i].foreign &&
		    !image_leads_to(t, t->chains[i].name))
			err = image_prune_chain(t, i, &unsaid);
	for (size_t i = t->n_sets; !err && i--;)
		if (!is_looked_up(t, t->sets[i].name))
			err = image_prune_set(t, i, &unsaid);
	return err;
}

static int prune_table(struct image_table *t, const struct survey *s,
		       struct image_losses *lost)
{
	size_t before = lost->n;
	int err = 0;

	for (size_t i = t->n_chains; !err && i--;)
		if (t->chains[i].foreign && t->chains[i].n_rules &&
		    !is_there(s, t, &t->chains[i]))
			err = image_prune_chain(t, i, lost);
	return !err && lost->n > before ? prune_orphans(t) : err;
}

/* The host's own tables and chains may be gone by now. */
static int prune_gone(struct image *img, const struct survey *s,
		      struct image_losses *lost)
{
	int err = 0;

	for (size_t i = 0; !err && i < img->n_tables; i++)
		if (!img->tables[i].owned && img->tables[i].family)
			err = prune_table(&img->tables[i], s, lost);
	return err;
}

int past_aim(struct past *p, const struct snapshot *live, struct image **ret,
	     struct diags *d)
{
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_(losses_release) struct image_losses gone = { 0 };
	_cleanup_(losses_release) struct image_losses dangling = { 0 };
	int err = image_delta_apply(&p->delta, live->image, &img);
	bool whole;

	if (err)
		return err;
	whole = image_digest(img) == p->digest_before;
	err = prune_gone(img, &live->survey, &gone);
	if (!err)
		err = image_prune_dangling(img, &dangling);
	if (!err && (gone.n || dangling.n))
		err = image_normalize(img);
	if (err)
		return err;
	if (!p->told)
		past_say_not_restored(&gone, whole && !dangling.n, d);
	p->told = true;
	*ret = TAKE_PTR(img);
	return 0;
}
