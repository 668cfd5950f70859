/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/import_spared.h"

#include <string.h>

#include "audit/notrack_parts.h"
#include "core/mem.h"

#define COMPARISONS_MAX 2000000
#define DEPTH_MAX 32

static uint32_t target_of(const struct foreign *f, uint32_t chain,
			  const char *target)
{
	return foreign_find_chain(f, f->chains[chain].table, target);
}

static bool ends_way(enum foreign_verdict v)
{
	return v == FOREIGN_ACCEPT || v == FOREIGN_RETURN || v == FOREIGN_GOTO;
}

static bool to_ending(const struct spared *s, uint32_t chain,
		      enum foreign_verdict v, const char *target)
{
	uint32_t to = v == FOREIGN_JUMP || v == FOREIGN_GOTO ?
			      target_of(s->f, chain, target) : FOREIGN_NOWHERE;

	return to != FOREIGN_NOWHERE && s->ends[to];
}

static const struct key_set *vmap_of(const struct foreign *f,
				     const struct foreign_rule *r,
				     uint32_t term)
{
	const struct term *t = &f->terms[r->terms + term];

	if (t->kind != TERM_VMAP || f->sets[t->set].outcome == FOREIGN_NOWHERE)
		return NULL;
	return &f->sets[t->set];
}

static bool is_accept(enum foreign_verdict v)
{
	return v == FOREIGN_ACCEPT;
}

/* Does an outcome of the rule's maps end the way, or lead to such a chain? */
static bool map_ends(const struct spared *s, const struct foreign_rule *r,
		     bool (*ends)(enum foreign_verdict v))
{
	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct key_set *set = vmap_of(s->f, r, i);

		for (uint32_t k = 0; set && k < set->n; k++) {
			const struct foreign_outcome *o =
				&s->f->outcomes[set->outcome + k];

			if (ends(o->verdict) ||
			    to_ending(s, r->chain, o->verdict, o->target))
				return true;
		}
	}
	return false;
}

/* `notrack accept`: where the way ends, the packet has left tracking, too. */
static bool takes_out(const struct spared *s, const struct foreign_rule *r)
{
	return foreign_has_term(s->f, r, TERM_NOTRACK);
}

/* May a packet that this rule keeps never come back to the chain's caller? */
static bool rule_ends(const struct spared *s, const struct foreign_rule *r)
{
	if (takes_out(s, r))
		return false;
	if (r->verdict == FOREIGN_ACCEPT ||
	    (r->verdict != FOREIGN_RETURN && inspect_is_terminal(s->f, r)) ||
	    to_ending(s, r->chain, r->verdict, r->target))
		return true;
	return map_ends(s, r, is_accept);
}

/* Chains lead to others: until nothing more is found. */
static void find_ends(struct spared *s)
{
	const struct foreign *f = s->f;
	bool more = true;

	for (size_t depth = 0; more && depth < DEPTH_MAX; depth++) {
		more = false;
		for (size_t i = 0; i < f->n_rules; i++) {
			const struct foreign_rule *r = &f->rules[i];

			if (foreign_is_gone(r) || s->ends[r->chain] ||
			    !rule_ends(s, r))
				continue;
			s->ends[r->chain] = more = true;
		}
	}
}

static bool is_spare(const struct spared *s, const struct foreign_rule *r)
{
	if (takes_out(s, r))
		return false;
	if (ends_way(r->verdict) || inspect_is_terminal(s->f, r) ||
	    to_ending(s, r->chain, r->verdict, r->target))
		return true;
	return map_ends(s, r, ends_way);
}

int spared_find(const struct foreign *f, struct spared *ret)
{
	_cleanup_(rule_order_release) struct rule_order order = { 0 };
	_cleanup_(spared_release) struct spared s = {
		.f = f, .budget = COMPARISONS_MAX,
		.v = calloc(f->n_rules + 1, sizeof(*s.v)),
		.first = calloc(f->n_chains + 1, sizeof(*s.first)),
		.ends = calloc(f->n_chains + 1, sizeof(*s.ends)),
	};
	uint32_t n = 0;
	int err;

	if (!s.v || !s.first || !s.ends)
		return -ENOMEM;
	err = rule_order_make(f, &order);
	if (err)
		return err;
	find_ends(&s);
	for (uint32_t c = 0; c < f->n_chains; c++) {
		s.first[c] = n;
		for (uint32_t i = order.first[c]; i < order.first[c + 1]; i++)
			if (is_spare(&s, &f->rules[order.rules[i]]))
				s.v[n++].rule = order.rules[i];
	}
	s.first[f->n_chains] = n;
	*ret = s;
	s = (struct spared){ 0 };
	return 0;
}

/* The packets of one verdict of a map; a jump's may come back. */
static int add_outcome(const struct spared *s, struct spare *x,
		       const struct boxes *before, const struct term *t,
		       uint32_t k)
{
	_cleanup_(boxes_release) struct boxes l = { 0 };
	const struct foreign_outcome *o =
		&s->f->outcomes[s->f->sets[t->set].outcome + k];
	uint32_t chain = s->f->rules[x->rule].chain;
	bool jumps = to_ending(s, chain, o->verdict, o->target);
	int err;

	if (!ends_way(o->verdict) && !jumps)
		return 0;
	x->vague |= jumps && o->verdict == FOREIGN_JUMP;
	err = boxes_add(&l, before);
	if (!err)
		err = boxes_narrow(&l, s->f, t, k);
	return err ? err : boxes_add(&x->l, &l);
}

static int make_spare(const struct spared *s, struct spare *x)
{
	_cleanup_(boxes_release) struct boxes l = { 0 };
	const struct foreign *f = s->f;
	const struct foreign_rule *r = &f->rules[x->rule];
	bool has_map = false;
	int err = boxes_begin(&l);

	for (uint32_t i = 0; !err && i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		const struct key_set *set = vmap_of(f, r, i);

		has_map |= set != NULL;
		for (uint32_t k = 0; !err && set && k < set->n; k++)
			err = add_outcome(s, x, &l, t, k);
		if (!err && !set)
			err = boxes_narrow(&l, f, t, FOREIGN_NOWHERE);
	}
	if (!err && (!has_map || r->verdict != FOREIGN_NONE))
		err = boxes_add(&x->l, &l);
	x->vague |= r->verdict == FOREIGN_JUMP || has_map;
	x->ready = true;
	return err;
}

/*
 * Take the packets of `e` out of b: field by field, what e lacks is a box of
 * its own, and the rest goes on to the next field.
 */
static int cut_fields(struct box *b, const struct box *e, bool leaves,
		      struct boxes *out, struct spared_by *by)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < DIM_MAX_; i++) {
		enum box_dim dim = (enum box_dim)i;

		if (box_dim_within(b, e, dim))
			continue;
		if (leaves && dim == DIM_OIF && iface_set_is_lo(&e->oif)) {
			by->loopback = true;
			return boxes_add_one(out, b);
		}
		if (dim == DIM_IIF || dim == DIM_OIF) {
			by->how = SPARED_SOME;
			return 0;
		}
		err = boxes_add_one(out, b);
		if (!err)
			err = box_cut(&out->v[out->n - 1], e, dim);
		if (!err)
			err = box_keep(b, e, dim);
	}
	return err;
}

static int cut_box(const struct box *from, const struct box *e, bool vague,
		   bool leaves, struct boxes *out, struct spared_by *by)
{
	_cleanup_(box_release) struct box b = { 0 };
	bool meets;
	int err = box_meets(from, e, &meets);

	if (err)
		return err;
	/* on loopback all is decided in OUTPUT */
	if (!meets || (!leaves && iface_set_is_lo(&e->iif)))
		return boxes_add_one(out, from);
	if (vague || e->unsaid != SAID || e->socket || e->src_local ||
	    e->echo) {
		by->how = SPARED_SOME;
		return 0;
	}
	err = box_copy(from, &b);
	return err ? err : cut_fields(&b, e, leaves, out, by);
}

static int cut_boxes(struct boxes *l, const struct box *e, bool vague,
		     bool leaves, struct spared_by *by)
{
	_cleanup_(boxes_release) struct boxes out = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < l->n && by->how == SPARED_NONE; i++)
		err = cut_box(&l->v[i], e, vague, leaves, &out, by);
	if (!err)
		err = boxes_join(&out);
	if (err || by->how != SPARED_NONE)
		return err;
	if (!out.n)
		by->how = SPARED_ALL;
	boxes_release(l);
	*l = out;
	out = (struct boxes){ 0 };
	return 0;
}

static int cut_by(struct spared *s, struct spare *x, bool leaves,
		  struct boxes *l, struct spared_by *by)
{
	int err = x->ready ? 0 : make_spare(s, x);

	for (size_t i = 0; !err && i < x->l.n && by->how == SPARED_NONE; i++) {
		by->rule = x->rule;
		if (s->budget < l->n) {
			by->how = SPARED_SOME;
			break;
		}
		s->budget -= l->n;
		err = cut_boxes(l, &x->l.v[i], x->vague, leaves, by);
	}
	return err;
}

int spared_cut(struct spared *s, const struct uses *u, const struct use *x,
	       bool leaves, struct boxes *l, struct spared_by *ret)
{
	struct spared_by by = { .how = SPARED_NONE };
	int err = 0;

	for (uint32_t i = 0; i < x->n_steps; i++) {
		const struct foreign_rule *step =
			&s->f->rules[u->steps[x->step + i].rule];
		uint32_t end = s->first[step->chain + 1];

		for (uint32_t k = s->first[step->chain];
		     !err && k < end && by.how == SPARED_NONE &&
		     s->f->rules[s->v[k].rule].at < step->at; k++)
			err = cut_by(s, &s->v[k], leaves, l, &by);
	}
	if (!err)
		*ret = by;
	return err;
}

void spared_release(struct spared *s)
{
	for (size_t i = 0; s->first && i < s->first[s->f->n_chains]; i++)
		boxes_release(&s->v[i].l);
	free(s->v);
	free(s->first);
	free(s->ends);
	*s = (struct spared){ 0 };
}
