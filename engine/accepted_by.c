/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/accepted_by.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "engine/plan.h"
#include "engine/preflight_say.h"

void accepted_by_release(struct accepted_bys *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].rule);
		free(a->v[i].place);
	}
	free(a->v);
	*a = (struct accepted_bys){ 0 };
}

void accepted_by_begin(struct plan *p, struct walker *w,
		       struct accepted_search *ret)
{
	accepted_by_release(&p->accepted);
	*ret = (struct accepted_search){ .p = p, .w = w };
}

void accepted_by_service(struct accepted_search *x, const struct service *s)
{
	if (s == x->service)
		return;
	accepted_by_sort(x);
	x->service = s;
	x->first = x->p->accepted.n;
}

static int cmp_number(const void *a, const void *b)
{
	const struct accepted_by *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

void accepted_by_sort(struct accepted_search *x)
{
	struct accepted_bys *all = &x->p->accepted;

	if (all->n > x->first)
		qsort(all->v + x->first, all->n - x->first, sizeof(*all->v),
		      cmp_number);
}

static struct accepted_by *find(const struct accepted_search *x, uint32_t rule)
{
	struct accepted_bys *all = &x->p->accepted;

	for (size_t i = x->first; i < all->n; i++)
		if (all->v[i].number == rule)
			return &all->v[i];
	return NULL;
}

static int print_place(const struct host_rules *host, uint32_t rule, char **ret)
{
	const struct harm_found at = { .rule = rule };
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	preflight_print_place(host, &at, &b);
	*ret = strbuf_take(&b);
	return *ret ? 0 : -ENOMEM;
}

static int add(struct accepted_search *x, uint32_t rule, uint8_t packets)
{
	struct accepted_bys *all = &x->p->accepted;
	const struct host_rules *host = &x->p->host;
	const struct foreign_rule *r = &host->f->rules[rule];
	const struct host_chain *c = &host->f->chains[r->chain];
	struct accepted_by *a;

	if (mem_grow(&all->v, &all->cap, all->n + 1))
		return -ENOMEM;
	a = &all->v[all->n++];
	*a = (struct accepted_by){
		.service = x->service, .packets = packets,
		.family = host->f->tables[c->table].family,
		.table = host->f->tables[c->table].name, .chain = c->name,
		.position = host->position[rule], .number = rule,
		.rule = strndup(r->raw.s, r->raw.n),
	};
	return a->rule ? print_place(host, rule, &a->place) : -ENOMEM;
}

/* Would something drop the packet, if that rule did not accept it? */
static int matters(const struct accepted_search *x, const struct walk *walk,
		   const struct packet *p, size_t phase, bool *ret)
{
	const struct foreign *f = x->p->host.f;
	_cleanup_(walk_release) struct walk rest = { 0 };
	int err;

	*ret = foreign_drops_rest(&f->chains[walk->phases[phase].chain]);
	err = *ret ? 0 : walk_never_reached(x->w, p, walk, phase, &rest);
	for (size_t i = 0; i < rest.n_steps; i++)
		*ret |= foreign_drops(rest.steps[i].verdict);
	return err;
}

static int look(struct accepted_search *x, const struct walk *walk,
		const struct packet *p, size_t phase, uint8_t packets)
{
	const struct walk_step *s = walk_decider(walk, &walk->phases[phase]);
	struct accepted_by *known;
	bool found = false;
	int err;

	if (!s || s->verdict != FOREIGN_ACCEPT || s->rule == FOREIGN_NOWHERE ||
	    s->rule >= x->p->host.n)
		return 0;
	known = find(x, s->rule);
	if (known && known->packets & packets)
		return 0;
	err = matters(x, walk, p, phase, &found);
	if (err || !found)
		return err;
	if (!known)
		return add(x, s->rule, packets);
	known->packets |= packets;
	return 0;
}

int accepted_by_passed(const struct walk *walk, const struct packet *p,
		       enum talk talk, void *arg)
{
	struct accepted_search *x = arg;
	uint8_t packets = talk == TALK_FIRST ? ACCEPTED_FIRST : ACCEPTED_LATER;
	int err = 0;

	if (walk->tracked != TRUTH_NO)
		return 0;
	for (size_t i = 0; !err && i < walk->n_phases; i++)
		if (walk->phases[i].chain != FOREIGN_NOWHERE)
			err = look(x, walk, p, i, packets);
	return err;
}
