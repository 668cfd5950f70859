/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/change/change_summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/change/summary_find.h"
#include "core/mem.h"

/* ---- what there is ---- */

static void count_wanted(struct look *k, struct service_change *x,
			 const struct image_chain *c,
			 const struct image_rule *r)
{
	struct place_change *p = look_place(k, x, c, r);

	x->wanted++;
	if (p)
		p->wanted++;
}

static void count_wanted_element(struct look *k, struct service_change *x,
				 const struct image_chain *c,
				 const struct image_rule *r)
{
	(void)k;
	(void)c;
	(void)r;
	x->wanted++;
}

static void count_live(struct look *k, struct service_change *x,
		       const struct image_chain *c, const struct image_rule *r)
{
	(void)k;
	(void)c;
	(void)r;
	x->live++;
}

static void count_elements(struct look *k, const struct image_set *set,
			   found_fn *found)
{
	const struct image_chain *c = NULL;
	const struct image_rule *r = look_rule_of_set(k, set, &c);
	struct service_change *x = NULL;
	const struct origin *last = NULL;

	for (size_t i = 0; r && i < set->elems.n; i++) {
		const struct origin *o = elems_origin(&set->elems, i);

		if (!o || !o->service)
			continue;
		if (o != last)
			x = look_service(k, o);
		last = o;
		if (x)
			found(k, x, c, r);
	}
}

static int count(struct change_summary *s, const struct image *img,
		 found_fn *found, found_fn *found_element)
{
	_cleanup_(look_release) struct look k = { .s = s, .image = img };

	for (size_t i = 0; i < img->n_tables; i++) {
		const struct image_table *t = &img->tables[i];

		for (size_t n = 0; n < t->n_chains; n++) {
			const struct image_chain *c = &t->chains[n];

			k.table = t;
			for (size_t l = 0; l < c->n_rules; l++)
				look_rule(&k, c, &c->rules[l], found);
		}
		for (size_t n = 0; n < t->n_sets; n++) {
			k.table = t;
			count_elements(&k, &t->sets[n], found_element);
		}
	}
	return k.err;
}

/* ---- what changes ---- */

#define CHAIN_SEARCHED 1000	/* rules: it is done for each of them */

/*
 * Is r for some packets of o's, and asks less of them? What has no o or stands
 * in a longer chain is taken for one that is needed.
 */
static bool asks_less(const struct image_rule *r, const struct image_rule *o)
{
	struct image_rule a = *r, b = *o;
	struct match *m = &a.match;

	if (b.match.dst == DST_ANY && !b.match.src_local && !b.match.socket)
		return false;
	if (!b.match.sport.n)
		m->sport = (struct port_set){ 0 };
	if (!b.match.dport.n)
		m->dport = (struct port_set){ 0 };
	m->dst = b.match.dst;
	m->src_local = b.match.src_local;
	m->socket = b.match.socket;
	return a.verdict == b.verdict && image_rule_meets_same(&a, &b);
}

static bool is_shortcut(const struct image_chain *c, const struct image_rule *r)
{
	if (r->match.dst != DST_ANY || r->match.src_local || r->match.socket ||
	    (!r->match.sport.n && !r->match.dport.n) ||
	    c->n_rules > CHAIN_SEARCHED)
		return false;
	for (size_t i = 0; i < c->n_rules; i++)
		if (asks_less(r, &c->rules[i]))
			return true;
	return false;
}

static void to_add(struct look *k, struct service_change *x,
		   const struct image_chain *c, const struct image_rule *r)
{
	struct place_change *p = look_place(k, x, c, r);

	if (!p)
		return;
	p->missing++;
	p->shortcuts += is_shortcut(c, r);
}

static void to_delete(struct look *k, struct service_change *x,
		      const struct image_chain *c, const struct image_rule *r)
{
	struct place_change *p = look_place(k, x, c, r);

	x->strange |= !x->name && !r->match.n_icmp;
	if (p)
		p->surplus++;
}

static void to_reach(struct look *k, struct service_change *x,
		     const struct image_chain *c, const struct image_rule *r)
{
	struct place_change *p = look_place(k, x, c, r);

	if (p)
		p->cut++;
}

static void to_leave(struct look *k, struct service_change *x,
		     const struct image_chain *c, const struct image_rule *r)
{
	struct place_change *p = look_place(k, x, c, r);

	if (p)
		p->left++;
}

/* A jump that comes or goes, to a chain that stays. */
static void take_jump(struct look *k, const struct changeset *cs,
		      const struct step *s)
{
	const struct image_table *both[2];
	const struct image_chain *to;

	both[0] = image_find_table(cs->want, s->table->family, s->table->name);
	both[1] = image_find_table(cs->live, s->table->family, s->table->name);
	for (int i = 0; i < 2; i++)
		if (!both[i] || !image_find_chain(both[i], s->rule->target))
			return;
	k->image = cs->want;
	k->table = both[0];
	to = image_find_chain(k->table, s->rule->target);
	for (size_t i = 0; i < to->n_rules; i++)
		look_rule(k, to, &to->rules[i],
			     s->add ? to_reach : to_leave);
}

/* What belongs to no service comes and goes with its set. */
static bool is_of_new_set(const struct changeset *cs, const struct step *s)
{
	const struct image *other = s->add ? cs->live : cs->want;
	const struct image_table *t = image_find_table(other, s->table->family,
						       s->table->name);

	return !step_origin(s)->service &&
	       (!t || !image_find_set(t, s->set->name));
}

static void take_element(struct look *k, const struct changeset *cs,
			 const struct step *s)
{
	const struct image_chain *c = NULL;
	const struct image_rule *r = look_rule_of_set(k, s->set, &c);
	struct service_change *x;
	struct place_change *p;

	if (!r || is_of_new_set(cs, s))
		return;
	x = look_service(k, step_origin(s));
	p = x ? look_place(k, x, c, r) : NULL;
	if (p)
		*(s->add ? &p->elems_missing : &p->elems_surplus) += s->n;
}

static void to_set(struct look *k, struct service_change *x,
		   const struct image_chain *c, const struct image_rule *r)
{
	struct place_change *p = look_place(k, x, c, r);

	if (p)
		p->values = true;
}

/* Timeouts that come are those of the rules that name them. */
static void take_timers(struct look *k, const struct changeset *cs,
			const struct image_set *set)
{
	for (size_t i = 0; i < cs->want->n_tables; i++) {
		k->table = &cs->want->tables[i];
		for (size_t n = 0; n < k->table->n_chains; n++) {
			const struct image_chain *c = &k->table->chains[n];

			for (size_t l = 0; l < c->n_rules; l++)
				if (c->rules[l].verdict == VERDICT_TIMERS &&
				    !strcmp(c->rules[l].target, set->name))
					look_rule(k, c, &c->rules[l], to_set);
		}
	}
}

static int take_steps(struct change_summary *sum, const struct changeset *cs)
{
	_cleanup_(look_release) struct look k = { .s = sum };

	for (size_t i = 0; i < cs->n; i++) {
		const struct step *s = &cs->steps[i];

		*(s->add ? &sum->added : &sum->removed) += s->n;
		sum->restored += s->kind == STEP_RULE && !s->add &&
				 s->rule->original;
		k.image = s->add ? cs->want : cs->live;
		/* of an element that goes, a step may name the wanted one */
		k.table = image_find_table(k.image, s->table->family,
					   s->table->name);
		if (!k.table)
			k.table = s->table;
		if (s->kind == STEP_SET && s->set->timers && s->add)
			take_timers(&k, cs, s->set);
		else if (s->kind == STEP_ELEMENT)
			take_element(&k, cs, s);
		else if (s->kind == STEP_RULE && look_is_jump(s->rule) &&
			 s->chain->foreign)
			take_jump(&k, cs, s);
		else if (s->kind == STEP_RULE)
			look_rule(&k, s->chain, s->rule,
				     s->add ? to_add : to_delete);
	}
	return k.err;
}

/* ---- the whole ---- */

static int add_services(struct change_summary *s, const struct service *v,
			size_t n, bool tracked)
{
	struct look k = { .s = s };

	for (size_t i = 0; i < n; i++) {
		struct service_change *x = look_service(&k, &v[i].origin);

		if (!x)
			return k.err;
		x->service = &v[i];
		x->tracked = tracked;
	}
	return 0;
}

static enum change_sign sign_of(const struct service_change *x)
{
	bool adds = false, deletes = false;

	for (size_t i = 0; i < x->n_places; i++) {
		const struct place_change *p = &x->places[i];

		adds |= p->missing || p->elems_missing || p->cut || p->values;
		deletes |= p->surplus || p->elems_surplus || p->left;
	}
	if (!adds && !deletes)
		return SIGN_NONE;
	if (!x->live)
		return SIGN_ADD;
	return x->wanted ? SIGN_CHANGE : SIGN_REMOVE;
}

/* What all share goes last. */
static void settle(struct change_summary *s)
{
	struct service_change shared;

	for (size_t i = 0; i < s->n; i++) {
		s->v[i].sign = sign_of(&s->v[i]);
		if (s->v[i].name)
			s->of_sign[s->v[i].sign]++;
	}
	for (size_t i = 0; i + 1 < s->n; i++) {
		if (s->v[i].name)
			continue;
		shared = s->v[i];
		memmove(&s->v[i], &s->v[i + 1],
			(s->n - i - 1) * sizeof(*s->v));
		s->v[s->n - 1] = shared;
		break;
	}
}

int change_summary_make(const struct result_end *e, struct change_summary *ret)
{
	_cleanup_(change_summary_release) struct change_summary s = { 0 };
	const struct policy *p = e->plan->policy;
	const struct change *c = &e->plan->change;
	int err = 0;

	if (p)
		err = add_services(&s, p->services, p->n_services, false);
	if (p && !err)
		err = add_services(&s, p->tracked, p->n_tracked, true);
	for (size_t i = 0; !err && i < c->n; i++) {
		const struct changeset *cs = result_steps(&c->v[i], e->shown);

		if (!cs)
			continue;
		err = count(&s, cs->want, count_wanted,
			    count_wanted_element);
		if (!err)
			err = count(&s, cs->live, count_live, count_live);
		if (!err)
			err = take_steps(&s, cs);
	}
	if (err)
		return err;
	settle(&s);
	name_index_release(&s.at);
	*ret = s;
	s = (struct change_summary){ 0 };
	return 0;
}

void change_summary_release(struct change_summary *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].places);
	free(s->v);
	name_index_release(&s->at);
	*s = (struct change_summary){ 0 };
}
