/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/replace_notes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "audit/chain_hooks.h"
#include "core/mem.h"

#define NOTES_MAX 8		/* rules; of more, all datagrams are noted */
#define SURE_MAX 24		/* zones; of more, none is left out */

static struct stateless_set *find_set(struct stateless_set *v, size_t n,
				      const struct stateless_set *like)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].table == like->table && v[i].flows == like->flows &&
		    v[i].family == like->family)
			return &v[i];
	return NULL;
}

typedef int set_fn(struct replacing *x, const struct stateless_set *like,
		   const struct stateless_edit *e);

/* What it calls may move the rules to where there is more room. */
static int each_asked(struct replacing *x, const struct stateless_edit *e,
		      struct stateless_rule *const *all, size_t first,
		      size_t n, set_fn *f)
{
	struct stateless_set like = {
		.table = x->f->chains[e->chain].table, .family = e->family,
	};
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		uint16_t asks = (*all)[first + i].asks;

		like.flows = asks & ASK_FLOW;
		if (asks & (ASK_PEER | ASK_FLOW))
			err = f(x, &like, e);
	}
	return err;
}

/* The sets that rules of the edit ask. */
static int each_set(struct replacing *x, const struct stateless_edit *e,
		    set_fn *f)
{
	struct stateless *s = x->out;
	int err = 0;

	if (e->left || e->kind == STATELESS_NONE ||
	    !replace_has_sets(x, e->chain))
		return 0;
	err = each_asked(x, e, &s->rules, e->first, e->n, f);
	for (uint32_t k = 0; !err && k < e->n_chains; k++) {
		const struct stateless_chain *c =
			&s->chains[e->first_chain + k];

		err = each_asked(x, e, &s->inner, c->first, c->n, f);
	}
	return err;
}

/* Zones that both lists have; too many are none. */
static int intersect(struct arena *a, const struct zones *x,
		     const struct zones *y, struct zones *ret)
{
	struct zones out = {
		.v = arena_alloc(a, x->n * y->n + 1, sizeof(*out.v)),
	};
	int err = out.v ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < x->n; i++)
		for (size_t k = 0; !err && k < y->n; k++)
			if (zone_meets(&x->v[i], &y->v[k]))
				err = zone_intersect(a, &x->v[i], &y->v[k],
						     &out.v[out.n++]);
	if (!err)
		err = zones_join(a, &out);
	if (out.n > SURE_MAX)
		out.n = 0;
	if (!err)
		*ret = out;
	return err;
}

static int all_datagrams(struct replacing *x, struct zones *ret)
{
	const uint32_t udp[][2] = { { PROTO_UDP, PROTO_UDP } };
	const struct zone all = zone_all(x->family);

	ret->v = arena_alloc(x->a, 1, sizeof(*ret->v));
	ret->n = 1;
	return ret->v ? zone_limit(x->a, &all, ZONE_PROTO, udp, 1, false,
				   ret->v) : -ENOMEM;
}

/* Is it a chain on the way of packets that meet the hook? */
static bool is_on_way(const struct replacing *x, uint32_t chain, uint8_t hook)
{
	const struct host_chain *c = &x->f->chains[chain];
	uint8_t at = chain_hook(c);

	return (at == hook || at == NF_INET_PRE_ROUTING) && c->hook &&
	       (!c->type || strcmp(c->type, "nat") != 0) &&
	       foreign_takes_part(&x->f->tables[c->table], x->family);
}

/* Datagrams that every chain on the way lets in, be they known or not. */
static int welcome(struct replacing *x, uint8_t hook, struct zones *ret)
{
	int err = all_datagrams(x, ret);

	for (uint32_t c = 0; !err && c < x->f->n_chains; c++) {
		struct view *v;

		if (!is_on_way(x, c, hook))
			continue;
		err = replace_view(x, c, &v);
		if (!err && v->fresh.stateful)
			err = intersect(x->a, ret, &v->fresh.sure, ret);
	}
	return err;
}

/* Datagrams that the rules let begin in the hook. */
static int beginning(struct replacing *x, uint32_t table, uint8_t hook,
		     struct zones *ret)
{
	uint32_t chain = replace_main_chain(x, table, hook);
	struct zones all = { 0 }, out = { 0 };
	struct view *v;
	int err = all_datagrams(x, &all);

	*ret = all;
	if (err || chain == FOREIGN_NOWHERE)
		return err;
	err = replace_view(x, chain, &v);
	if (err)
		return err;
	out.v = arena_alloc(x->a, v->fresh.n + 1, sizeof(*out.v));
	if (!out.v)
		return -ENOMEM;
	for (size_t i = 0; !err && i < v->fresh.n; i++) {
		const struct first_entry *e = &v->fresh.v[i];

		if (!e->accepts || !zone_meets(&e->z, &all.v[0]))
			continue;
		err = zone_intersect(x->a, &e->z, &all.v[0], &out.v[out.n++]);
	}
	if (!err)
		err = zones_join(x->a, &out);
	if (!err)
		*ret = out;
	return err;
}

static int put(struct job *j, struct rule_list *l, enum stateless_does does,
	       const struct zones *v)
{
	int err = 0;

	for (size_t i = 0; !err && i < v->n; i++)
		err = list_put(j, l, (struct stateless_rule){
			.zone = v->v[i], .does = does });
	return err;
}

/* Those that are welcome as answers leave first; the rest is noted. */
static int list_notes(struct job *j, const struct stateless_set *like,
		      struct rule_list *l)
{
	struct replacing *x = j->x;
	uint8_t to = like->flows ? NF_INET_FORWARD : NF_INET_LOCAL_OUT;
	uint8_t back = like->flows ? NF_INET_FORWARD : NF_INET_LOCAL_IN;
	struct zones known = { 0 }, fresh = { 0 };
	int err = welcome(x, back, &known);

	if (!err)
		err = beginning(x, like->table, to, &fresh);
	for (size_t i = 0; i < known.n; i++)
		known.v[i] = zone_mirror(&known.v[i]);
	if (!err && begin_is_short(j, &known, NOTES_MAX))
		err = put(j, l, DO_RETURN, &known);
	if (!err && !begin_is_short(j, &fresh, NOTES_MAX))
		err = all_datagrams(x, &fresh);
	return err ? err : put(j, l, DO_REMEMBER, &fresh);
}

static int note_set(struct replacing *x, const struct stateless_set *like,
		    const struct stateless_edit *e)
{
	_cleanup_(list_release) struct rule_list l = { 0 };
	struct stateless *s = x->out;
	struct job j = { .x = x, .r = &x->f->rules[e->rule],
			 .rule = e->rule, .e.own = zone_all(x->family) };
	struct stateless_set v = *like;
	int err;

	if (find_set(x->notes, x->n_notes, like))
		return 0;
	err = list_notes(&j, like, &l);
	if (err)
		return err;
	if (mem_grow(&s->inner, &s->cap_inner, s->n_inner + l.n + 1) ||
	    mem_grow(&x->notes, &x->cap_notes, x->n_notes + 1))
		return -ENOMEM;
	v.first = (uint32_t)s->n_inner;
	v.n = (uint32_t)l.n;
	if (l.n)
		memcpy(s->inner + s->n_inner, l.v, l.n * sizeof(*l.v));
	s->n_inner += l.n;
	x->notes[x->n_notes++] = v;
	return 0;
}

int notes_of_family(struct replacing *x)
{
	int err = 0;

	for (size_t i = x->part->first; !err && i < x->part->end; i++)
		err = each_set(x, &x->out->edits[i], note_set);
	return err;
}

static int want_set(struct replacing *x, const struct stateless_set *like,
		    const struct stateless_edit *e)
{
	struct stateless *s = x->out;
	const struct stateless_set *note = find_set(x->notes, x->n_notes, like);

	(void)e;
	if (!note || find_set(s->sets, s->n_sets, like))
		return 0;
	if (mem_grow(&s->sets, &s->cap_sets, s->n_sets + 1))
		return -ENOMEM;
	s->sets[s->n_sets++] = *note;
	return 0;
}

int notes_find_sets(struct replacing *x)
{
	int err = 0;

	for (size_t i = 0; !err && i < x->out->n_edits; i++)
		err = each_set(x, &x->out->edits[i], want_set);
	return err;
}
