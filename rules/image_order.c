/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/image_order.c: canonical order and commit stages, see rules/image.h. */
#include <netinet/in.h>
#include <string.h>

#include "core/mem.h"
#include "rules/image.h"
#include "rules/own_names.h"

static bool looks_up(const struct image_rule *r, enum key_part part)
{
	for (unsigned int i = 0; i < r->n_lookups; i++)
		for (unsigned int k = 0; k < r->lookup[i].n_parts; k++)
			if (r->lookup[i].part[k] == part)
				return true;
	return false;
}

static const struct image_chain *jump_target(const struct image_table *t,
					     const struct image_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (c->rules[i].verdict == VERDICT_JUMP)
			return image_find_chain(t, c->rules[i].target);
	return NULL;
}

static bool chain_notracks(const struct image_table *t,
			   const struct image_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		if (c->rules[i].verdict == VERDICT_NOTRACK)
			return true;
		if (c->rules[i].verdict == VERDICT_ACCEPT ||
		    c->rules[i].verdict == VERDICT_RETURN ||
		    c->rules[i].verdict == VERDICT_TIMERS)
			return false;
	}
	return c->base || !strcmp(t->name, "raw");
}

/* Conntrack wants to see both sides of its handshake, or lets none of it in. */
static bool shakes_hands(const struct match *m)
{
	return !m->proto || m->proto == IPPROTO_TCP ||
	       m->proto == IPPROTO_SCTP || m->proto == IPPROTO_DCCP;
}

static enum stage rule_stage(const struct image_rule *r, enum stage chain)
{
	if (r->verdict != VERDICT_NOTRACK)
		return chain;
	if (shakes_hands(&r->match) || r->match.dport.n ||
	    looks_up(r, KEY_DPORT))
		return STAGE_NOTRACK_REQUEST;
	if (r->match.sport.n || looks_up(r, KEY_SPORT))
		return STAGE_NOTRACK_REPLY;
	return STAGE_NOTRACK_BOTH;
}

/*
 * Rules of both directions may look into one set: what is to go from it goes
 * with the last of them, and what is to be in it is there before the first.
 */
static enum stage join_stages(enum stage a, enum stage b)
{
	static const int last[] = {
		[STAGE_ACCEPT] = 2, [STAGE_NOTRACK_REPLY] = 1,
		[STAGE_NOTRACK_REQUEST] = 0, [STAGE_NOTRACK_BOTH] = 0,
	};
	_Static_assert(ARRAY_SIZE(last) == STAGE_MAX_, "a stage has no place");

	return a == STAGE_MAX_ || last[b] > last[a] ? b : a;
}

static void stage_set(struct image *img, const struct image_table *t,
		      const char *name, enum stage stage)
{
	for (size_t k = 0; k < img->n_tables; k++) {
		struct image_table *own = &img->tables[k];
		struct image_set *s;

		/* ipset's are in no table of any family */
		if (own != t && own->family)
			continue;
		s = image_find_set(own, name);
		if (s)
			s->stage = join_stages(s->stage, stage);
	}
}

static void stage_sets(struct image *img, const struct image_table *t,
		       const struct image_rule *r)
{
	for (unsigned int i = 0; i < r->n_lookups; i++)
		stage_set(img, t, r->lookup[i].set, r->stage);
	if (r->verdict == VERDICT_TIMERS)
		stage_set(img, t, r->target, r->stage);
}

/* A jump serves what it leads to; a chain may have several. */
static enum stage stage_of(const struct image_table *t,
			   const struct image_chain *c,
			   const struct image_rule *r)
{
	const struct image_chain *to = r->verdict == VERDICT_JUMP ?
				       image_find_chain(t, r->target) : NULL;

	if (!to)
		return rule_stage(r, c->stage);
	return chain_notracks(t, to) ? STAGE_NOTRACK_BOTH : STAGE_ACCEPT;
}

/* Readers know a rule's words, and not always its chain. */
static void note_words(struct image_chain *c)
{
	bool echo = !c->foreign && own_names_echo(c->name);

	for (size_t i = 0; echo && i < c->n_rules; i++) {
		struct image_rule *r = &c->rules[i];

		if (r->verdict != VERDICT_UNKNOWN &&
		    r->verdict != VERDICT_WORDS)
			continue;
		r->verdict = VERDICT_WORDS;
		match_release(&r->match);
	}
}

static void stage_table(struct image *img, struct image_table *t)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		struct image_chain *c = &t->chains[i];
		const struct image_chain *to = jump_target(t, c);

		note_words(c);
		c->stage = chain_notracks(t, to ? to : c) ? STAGE_NOTRACK_BOTH :
							    STAGE_ACCEPT;
		for (size_t k = 0; k < c->n_rules; k++) {
			c->rules[k].stage = stage_of(t, c, &c->rules[k]);
			stage_sets(img, t, &c->rules[k]);
		}
	}
}

/* Few, and those at one place in the order in which they came. */
void image_settle_chain(struct image_chain *c)
{
	for (size_t i = 1; i < c->n_rules; i++)
		for (size_t k = i; k && c->rules[k - 1].place >
					c->rules[k].place; k--) {
			struct image_rule r = c->rules[k];

			c->rules[k] = c->rules[k - 1];
			c->rules[k - 1] = r;
		}
	for (size_t i = 0; i < c->n_rules; i++)
		c->rules[i].place += (uint32_t)i;
}

void image_settle_jumps(struct image *img)
{
	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; k < img->tables[i].n_chains; k++)
			if (img->tables[i].chains[k].foreign)
				image_settle_chain(&img->tables[i].chains[k]);
}

static int cmp_table(const void *a, const void *b)
{
	const struct image_table *x = a, *y = b;
	int c = (int)x->family - (int)y->family;

	return c ? c : strcmp(x->name, y->name);
}

static int cmp_chain(const void *a, const void *b)
{
	return strcmp(((const struct image_chain *)a)->name,
		      ((const struct image_chain *)b)->name);
}

static int cmp_set(const void *a, const void *b)
{
	return strcmp(((const struct image_set *)a)->name,
		      ((const struct image_set *)b)->name);
}

static void sort(void *v, size_t n, size_t size,
		 int (*cmp)(const void *, const void *))
{
	if (n > 1)
		qsort(v, n, size, cmp);
}

/* Fewer items than this are found as fast without an index. */
#define FEW 16

/* Their order is another one now. */
static int index_again(struct image *img)
{
	int err = 0;

	name_index_release(&img->table_at);
	for (size_t i = 0; !err && img->n_tables > FEW && i < img->n_tables;
	     i++)
		err = name_index_add(&img->table_at, img->tables[i].name,
				     img->tables[i].family);
	for (size_t i = 0; i < img->n_tables; i++) {
		struct image_table *t = &img->tables[i];

		name_index_release(&t->chain_at);
		name_index_release(&t->set_at);
		for (size_t k = 0; !err && t->n_chains > FEW && k < t->n_chains;
		     k++)
			err = name_index_add(&t->chain_at, t->chains[k].name,
					     0);
		for (size_t k = 0; !err && t->n_sets > FEW && k < t->n_sets;
		     k++)
			err = name_index_add(&t->set_at, t->sets[k].name, 0);
	}
	return err;
}

static void stage_all(struct image *img)
{
	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; k < img->tables[i].n_sets; k++)
			img->tables[i].sets[k].stage = STAGE_MAX_;
	for (size_t i = 0; i < img->n_tables; i++)
		stage_table(img, &img->tables[i]);
	/* What no rule looks into is in nobody's way. */
	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; k < img->tables[i].n_sets; k++)
			if (img->tables[i].sets[k].stage == STAGE_MAX_)
				img->tables[i].sets[k].stage = STAGE_ACCEPT;
}

int image_normalize(struct image *img)
{
	int err;

	sort(img->tables, img->n_tables, sizeof(*img->tables), cmp_table);
	for (size_t i = 0; i < img->n_tables; i++) {
		struct image_table *t = &img->tables[i];

		sort(t->chains, t->n_chains, sizeof(*t->chains), cmp_chain);
		sort(t->sets, t->n_sets, sizeof(*t->sets), cmp_set);
	}
	err = index_again(img);
	for (size_t i = 0; i < img->n_tables; i++)
		for (size_t k = 0; !err && k < img->tables[i].n_sets; k++)
			err = elems_canonical(&img->tables[i].sets[k].elems);
	stage_all(img);
	return err;
}
