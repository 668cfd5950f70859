/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/uses.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audit/own.h"
#include "core/mem.h"

#define VISITS_MAX 2000000	/* rules looked at, on all ways together */

struct search {
	struct uses *u;
	const struct rule_order *order;
	enum use_kind kind;
	uint32_t base;
	size_t visits;
	struct use_step path[USE_DEPTH];
	size_t depth;
};

static const struct term *term_at(const struct foreign *f,
				  const struct foreign_rule *r, uint32_t i)
{
	return &f->terms[r->terms + i];
}

static bool is_word(const char *s, const char *const *words)
{
	for (; s && *words; words++)
		if (!strcasecmp(s, *words))
			return true;
	return false;
}

/* How many of its terms lead to what is looked for; UINT32_MAX: it is not. */
static uint32_t found(const struct search *s, const struct foreign_rule *r)
{
	static const char *const dnat[] = { "dnat", "redirect", "netmap",
					    NULL };
	static const char *const snat[] = { "snat", "masquerade", NULL };
	const struct foreign *f = s->u->f;
	const struct term *notrack;

	if (s->kind == USE_DNAT || s->kind == USE_SNAT)
		return r->verdict == FOREIGN_TARGET &&
		       is_word(r->target, s->kind == USE_DNAT ? dnat : snat) ?
			       r->n_terms : UINT32_MAX;
	notrack = foreign_find_term(f, r, TERM_NOTRACK);
	return notrack ? (uint32_t)(notrack - &f->terms[r->terms]) :
			 UINT32_MAX;
}

static int keep(struct search *s, uint32_t rule, uint32_t n_terms)
{
	struct uses *u = s->u;
	size_t n = s->depth + 1;

	if (u->n >= USES_MAX) {
		u->cut = true;
		return 0;
	}
	if (mem_grow(&u->v, &u->cap, u->n + 1) ||
	    mem_grow(&u->steps, &u->cap_steps, u->n_steps + n))
		return -ENOMEM;
	u->v[u->n++] = (struct use){
		.rule = rule, .base = s->base, .step = (uint32_t)u->n_steps,
		.n_steps = (uint32_t)n,
		.own = own_is_rule(u->f, &u->f->rules[rule]),
	};
	memcpy(&u->steps[u->n_steps], s->path, s->depth * sizeof(*s->path));
	u->n_steps += s->depth;
	u->steps[u->n_steps++] = (struct use_step){ rule, n_terms,
						    FOREIGN_NOWHERE };
	return 0;
}

static int search_chain(struct search *s, uint32_t chain);

static int follow(struct search *s, uint32_t rule, const char *target,
		  uint32_t n_terms, uint32_t outcome)
{
	const struct foreign *f = s->u->f;
	uint32_t table = f->chains[f->rules[rule].chain].table;
	uint32_t to = foreign_find_chain(f, table, target);
	int err;

	if (to == FOREIGN_NOWHERE)
		return 0;
	if (s->depth + 1 >= USE_DEPTH) {
		s->u->cut = true;
		return 0;
	}
	s->path[s->depth++] = (struct use_step){ rule, n_terms, outcome };
	err = search_chain(s, to);
	s->depth--;
	return err;
}

static bool leads_on(enum foreign_verdict v)
{
	return v == FOREIGN_JUMP || v == FOREIGN_GOTO;
}

static int follow_map(struct search *s, uint32_t rule, uint32_t term)
{
	const struct foreign *f = s->u->f;
	const struct key_set *set =
		&f->sets[term_at(f, &f->rules[rule], term)->set];
	int err = 0;

	if (set->outcome == FOREIGN_NOWHERE)
		return 0;
	for (uint32_t i = 0; !err && i < set->n; i++) {
		const struct foreign_outcome *o =
			&f->outcomes[set->outcome + i];

		if (leads_on(o->verdict))
			err = follow(s, rule, o->target, term + 1, i);
	}
	return err;
}

static int search_rule(struct search *s, uint32_t rule)
{
	const struct foreign *f = s->u->f;
	const struct foreign_rule *r = &f->rules[rule];
	uint32_t n = found(s, r);
	int err = n != UINT32_MAX ? keep(s, rule, n) : 0;

	for (uint32_t i = 0; !err && i < r->n_terms; i++)
		if (term_at(f, r, i)->kind == TERM_VMAP)
			err = follow_map(s, rule, i);
	if (!err && leads_on(r->verdict))
		err = follow(s, rule, r->target, r->n_terms,
			     FOREIGN_NOWHERE);
	return err;
}

static int search_chain(struct search *s, uint32_t chain)
{
	const struct rule_order *o = s->order;
	int err = 0;

	for (uint32_t i = o->first[chain];
	     !err && i < o->first[chain + 1]; i++) {
		if (s->visits++ >= VISITS_MAX) {
			s->u->cut = true;
			return 0;
		}
		err = search_rule(s, o->rules[i]);
	}
	return err;
}

static bool is_wanted(const struct host_chain *c, enum use_kind kind)
{
	if (!c->hook || !c->type)
		return false;
	return !strcmp(c->type, "nat") == (kind != USE_NOTRACK);
}

int uses_find(const struct foreign *f, enum use_kind kind, struct uses *ret)
{
	_cleanup_(rule_order_release) struct rule_order order = { 0 };
	_cleanup_(uses_release) struct uses u = { .f = f };
	struct search s = { .u = &u, .order = &order, .kind = kind };
	int err = rule_order_make(f, &order);

	for (uint32_t c = 0; !err && c < f->n_chains; c++) {
		s.base = c;
		if (is_wanted(&f->chains[c], kind))
			err = search_chain(&s, c);
	}
	if (err)
		return err;
	*ret = u;
	u = (struct uses){ 0 };
	return 0;
}

void uses_release(struct uses *u)
{
	free(u->v);
	free(u->steps);
	*u = (struct uses){ 0 };
}
