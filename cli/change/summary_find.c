/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/change/summary_find.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "rules/own_names.h"

bool origin_is_of(const struct origin *o, const char *service)
{
	const char *name = o ? o->service : NULL;

	return name && service ? !strcmp(name, service) : name == service;
}

const struct image_set *summary_set(const struct image *img,
				    const struct image_table *t,
				    const char *name)
{
	const struct image_set *set = image_find_set(t, name);

	for (size_t i = 0; !set && i < img->n_tables; i++)
		if (!*nfproto_name(img->tables[i].family))
			set = image_find_set(&img->tables[i], name);
	return set;
}

struct service_change *look_service(struct look *k, const struct origin *o)
{
	static const char shared[] = "";	/* no service is called so */
	struct change_summary *s = k->s;
	const char *name = o && o->service ? o->service : shared;
	size_t at = name_index_find(&s->at, name, 0);

	if (at != SIZE_MAX)
		return &s->v[at];
	if (mem_grow(&s->v, &s->cap, s->n + 1) ||
	    name_index_add(&s->at, name, 0)) {
		k->err = -ENOMEM;
		return NULL;
	}
	s->v[s->n] = (struct service_change){
		.name = o ? o->service : NULL, .why = o ? o->why : NULL,
	};
	return &s->v[s->n++];
}

/* ---- the chain that people know ---- */

static const struct image_chain *leads_to(const struct image_table *t,
					  const char *name, bool foreign)
{
	for (size_t i = 0; i < t->n_chains; i++) {
		const struct image_chain *c = &t->chains[i];

		for (size_t k = 0; c->foreign == foreign && k < c->n_rules; k++)
			if (c->rules[k].target &&
			    !strcmp(c->rules[k].target, name))
				return c;
	}
	return NULL;
}

#define JUMPS_MAX 4	/* from a chain of the host's to one that echoes */

static const char *known_chain(struct look *k, const struct image_chain *c)
{
	const struct image_table *t = k->table;

	if (k->chain == c)
		return k->chain_name;
	k->chain = c;
	for (int i = 0; c && !c->foreign && !c->base && i < JUMPS_MAX; i++) {
		const struct image_chain *from = leads_to(t, c->name, true);

		if (!from)
			from = leads_to(t, c->name, false);
		if (!from)
			break;
		c = from;
	}
	k->chain_name = c->name;
	return c->name;
}

static enum place_kind kind_of(const struct image_rule *r)
{
	return r->verdict == VERDICT_NOTRACK ? PLACE_NOTRACK :
	       r->verdict == VERDICT_TIMERS  ? PLACE_TIMERS :
					       PLACE_ACCEPT;
}

struct place_change *look_place(struct look *k, struct service_change *x,
				const struct image_chain *c,
				const struct image_rule *r)
{
	struct place_change at = {
		.family = k->table->family, .table = k->table->name,
		.chain = known_chain(k, c), .kind = kind_of(r),
	};

	for (size_t i = 0; i < x->n_places; i++) {
		struct place_change *p = &x->places[i];

		if (p->family == at.family && p->kind == at.kind &&
		    p->table == at.table && p->chain == at.chain)
			return p;
	}
	if (mem_grow(&x->places, &x->cap_places, x->n_places + 1)) {
		k->err = -ENOMEM;
		return NULL;
	}
	x->places[x->n_places] = at;
	return &x->places[x->n_places++];
}

/* ---- whose is it? ---- */

/* Each service that the elements of a set name, once in this turn. */
static bool each_of_set(struct look *k, const struct image_set *set,
			const struct image_chain *c, const struct image_rule *r,
			found_fn *found)
{
	const struct origin *last = NULL;
	bool any = false;

	for (size_t i = 0; set && i < set->elems.n; i++) {
		const struct origin *o = elems_origin(&set->elems, i);
		struct service_change *x;

		if (!o || !o->service || o == last)
			continue;
		last = o;
		any = true;
		x = look_service(k, o);
		if (x && x->turn != k->s->turn)
			found(k, x, c, r);
		if (x)
			x->turn = k->s->turn;
	}
	return any;
}

bool look_is_jump(const struct image_rule *r)
{
	return r->verdict == VERDICT_JUMP ||
	       (r->target && r->verdict != VERDICT_NOTRACK);
}

void look_rule(struct look *k, const struct image_chain *c,
			 const struct image_rule *r, found_fn *found)
{
	struct service_change *x;
	bool any = false;

	if ((look_is_jump(r) && r->verdict != VERDICT_TIMERS) ||
	    own_names_edit(c->name) || own_names_end(c->name))
		return;
	k->s->turn++;
	for (size_t i = 0; i < r->n_lookups; i++)
		any |= each_of_set(k, summary_set(k->image, k->table,
						  r->lookup[i].set),
				   c, r, found);
	if (any)
		return;
	x = look_service(k, r->origin);
	if (x)
		found(k, x, c, r);
}

/* ---- by what rule? ---- */

#define IN_ANY_TABLE 0		/* kinds of the index; a table's: number + 1 */

static int add_set_rule(struct set_rules *x, uint32_t kind, const char *set,
			const struct set_rule *r)
{
	if (name_index_find(&x->at, set, kind) != SIZE_MAX)
		return 0;
	if (mem_grow(&x->v, &x->cap, x->n + 1) ||
	    name_index_add(&x->at, set, kind))
		return -ENOMEM;
	x->v[x->n++] = *r;
	return 0;
}

static int index_chain(struct set_rules *x, size_t table,
		       const struct image_chain *c)
{
	const uint32_t kind = (uint32_t)table + 1;
	int err = 0;

	for (size_t l = 0; l < c->n_rules; l++) {
		const struct image_rule *r = &c->rules[l];
		const struct set_rule at = { &x->of->tables[table], c, r };

		for (size_t i = 0; !err && i < r->n_lookups; i++) {
			const char *set = r->lookup[i].set;

			err = add_set_rule(x, kind, set, &at);
			if (!err)
				err = add_set_rule(x, IN_ANY_TABLE, set, &at);
		}
	}
	return err;
}

static void set_rules_release(struct set_rules *x)
{
	name_index_release(&x->at);
	free(x->v);
	*x = (struct set_rules){ 0 };
}

void look_release(struct look *k)
{
	for (size_t i = 0; i < ARRAY_SIZE(k->set_rules); i++)
		set_rules_release(&k->set_rules[i]);
}

/* Of k->image, made when it is asked the first time; NULL: no memory. */
static const struct set_rules *set_rules_of(struct look *k)
{
	struct set_rules *x = &k->set_rules[0];
	int err = 0;

	if (x->of && x->of != k->image)
		x = &k->set_rules[1];
	if (x->of == k->image)
		return x;
	set_rules_release(x);
	x->of = k->image;
	for (size_t i = 0; i < x->of->n_tables; i++)
		for (size_t n = 0; !err && n < x->of->tables[i].n_chains; n++)
			err = index_chain(x, i, &x->of->tables[i].chains[n]);
	if (!err)
		return x;
	set_rules_release(x);
	k->err = err;
	return NULL;
}

/* ipsets are of no table: a rule of any may look them up. */
static bool find_kind(const struct look *k, uint32_t *ret)
{
	size_t i = 0;

	*ret = IN_ANY_TABLE;
	if (!*nfproto_name(k->table->family))
		return true;
	while (i < k->image->n_tables && &k->image->tables[i] != k->table)
		i++;
	*ret = (uint32_t)i + 1;
	return i < k->image->n_tables;
}

const struct image_rule *look_rule_of_set(struct look *k,
					  const struct image_set *set,
					  const struct image_chain **ret)
{
	const struct set_rules *x = set_rules_of(k);
	uint32_t kind;
	size_t at;

	if (!x || !find_kind(k, &kind))
		return NULL;
	at = name_index_find(&x->at, set->name, kind);
	if (at == SIZE_MAX)
		return NULL;
	*ret = x->v[at].chain;
	k->table = x->v[at].table;
	return x->v[at].rule;
}
