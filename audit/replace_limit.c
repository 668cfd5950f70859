/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_limit.c: a limit counts once, whichever of several rules a
 * packet comes by: they all call the one chain that holds it.
 */
#include <errno.h>

#include "audit/replace_parts.h"
#include "core/mem.h"

#define RULES_MAX 64		/* that say a list without the original */

/* In a table of both families: does one of them say that apart? */
static bool is_apart(const struct job *j, const struct stateless_rule *r)
{
	static const enum zone_dim dims[] = { ZONE_SRC, ZONE_DST, ZONE_ICMP };
	const struct foreign *f = j->x->f;

	if (f->tables[f->chains[j->r->chain].table].family != NFPROTO_INET)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(dims); i++)
		if (!spans_within(&j->e.own.dim[dims[i]],
				  &r->zone.dim[dims[i]]))
			return true;
	return r->asks & (ASK_PEER | ASK_FLOW | ASK_FRAGMENT);
}

/* More than one place where the original's matches would be asked. */
static bool is_repeated(const struct job *j, const struct rule_list *l)
{
	const struct stateless *s = j->x->out;
	size_t n = l->n;
	bool apart = false;

	for (size_t i = 0; i < l->n; i++)
		apart |= is_apart(j, &l->v[i]) || l->v[i].does == DO_CALL;
	for (size_t c = j->e.first_chain; c < s->n_chains; c++)
		for (size_t i = 0; i < s->chains[c].n; i++)
			n += s->inner[s->chains[c].first + i].own;
	return n > 1 || apart;
}

/* Can rules say their packets without the original's matches? */
static bool is_sayable(const struct job *j, const struct rule_list *l)
{
	struct job all = *j;

	all.e.own = zone_all(j->x->family);
	for (size_t i = 0; i < l->n; i++) {
		struct zone z = l->v[i].zone;
		const struct zones one = { &z, 1 };

		if (!begin_is_short(&all, &one, RULES_MAX))
			return false;
	}
	return true;
}

static void call(struct stateless_rule *r, uint32_t chain)
{
	r->own = false;
	if (r->does != DO_TARGET)
		return;
	r->does = DO_CALL;
	r->chain = chain;
}

int limit_share(struct job *j, struct rule_list *l)
{
	_cleanup_(list_release) struct rule_list inner = { 0 };
	struct stateless_rule own = { .zone = j->e.own, .own = true };
	struct stateless *s = j->x->out;
	size_t n_chains = s->n_chains;
	uint32_t chain;
	int err;

	if (!j->asked.limited || !is_repeated(j, l))
		return 0;
	if (job_leaves(j) || j->mapped || !is_sayable(j, l)) {
		j->e.loses |= LOSES(RATE);
		return 0;
	}
	err = list_put(j, &inner, own);
	if (!err)
		err = list_chain(j, &inner, &chain);
	for (size_t i = 0; !err && i < l->n; i++)
		call(&l->v[i], chain);
	for (size_t c = j->e.first_chain; !err && c < n_chains; c++)
		for (size_t i = 0; i < s->chains[c].n; i++)
			call(&s->inner[s->chains[c].first + i], chain);
	return err;
}
