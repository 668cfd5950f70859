/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_limit.c: a limit counts once, whichever of several rules a
 * packet comes by, and in whichever hook: they all call the one chain that
 * holds it.
 */
#include <errno.h>
#include <string.h>

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

/* In a chain that becomes several, what another hook has counts with it. */
static bool is_split(const struct job *j)
{
	return j->x->counted_once && j->asked.alone &&
	       j->x->split[j->r->chain];
}

static uint32_t *held_by(const struct job *j, bool v6)
{
	return &j->x->held[v6][j->rule];
}

void limit_forget(struct job *j)
{
	*held_by(j, j->x->family != NFPROTO_IPV4) = FOREIGN_NOWHERE;
}

/*
 * In a table of both families the chain of IPv4, which that of IPv6 is one with
 * if it has the same number. False: it has not.
 */
static bool find_like(const struct job *j, uint32_t *ret)
{
	const struct stateless *s = j->x->out;
	bool v6 = j->x->family != NFPROTO_IPV4;

	*ret = FOREIGN_NOWHERE;
	if (!v6 || !is_split(j) || *held_by(j, v6) != FOREIGN_NOWHERE)
		return true;
	*ret = *held_by(j, false);
	return *ret == FOREIGN_NOWHERE ||
	       s->chains[*ret].number == s->n_chains - j->e.first_chain;
}

/* The chain that holds the rule as it was, the state aside. */
static int hold(struct job *j, uint32_t like, uint32_t *ret)
{
	_cleanup_(list_release) struct rule_list inner = { 0 };
	struct stateless_rule own = { .zone = j->e.own, .own = true };
	struct stateless *s = j->x->out;
	bool v6 = j->x->family != NFPROTO_IPV4;
	int err;

	*ret = *held_by(j, v6);
	if (is_split(j) && *ret != FOREIGN_NOWHERE)
		return 0;
	err = list_put(j, &inner, own);
	if (!err)
		err = list_chain(j, &inner, ret);
	if (err)
		return err;
	if (like != FOREIGN_NOWHERE) {
		s->chains[*ret].like = like;
		s->chains[*ret].name = s->chains[like].name;
	}
	*held_by(j, v6) = *ret;
	return 0;
}

int limit_share(struct job *j, struct rule_list *l)
{
	struct stateless *s = j->x->out;
	size_t n_chains = s->n_chains;
	uint32_t chain, like;
	int err;

	if (!j->asked.limited || !l->n ||
	    (!is_repeated(j, l) && !is_split(j)))
		return 0;
	if (job_leaves(j) || j->mapped || !is_sayable(j, l) ||
	    !find_like(j, &like) || (is_split(j) && split_leads(j->x, j->r))) {
		j->e.loses |= j->asked.alone ? LOSES(RATE) : 0;
		return 0;
	}
	err = hold(j, like, &chain);
	for (size_t i = 0; !err && i < l->n; i++)
		call(&l->v[i], chain);
	for (size_t c = j->e.first_chain; !err && c < n_chains; c++)
		for (size_t i = 0; i < s->chains[c].n; i++)
			call(&s->inner[s->chains[c].first + i], chain);
	return err;
}

bool limit_begins_anew(const struct job *j)
{
	for (uint32_t i = 0; i < j->r->n_terms; i++) {
		const struct term *t = &j->x->f->terms[j->r->terms + i];

		if (t->kind == TERM_OPAQUE && t->name &&
		    !strncmp(t->name, "quota", 5))
			return true;
	}
	return false;
}

int limit_stays(struct job *j, struct rule_list *l)
{
	struct stateless_rule r = { .zone = j->e.own, .does = DO_CALL };
	uint32_t like;
	int err = job_find_end(j);

	if (err)
		return err;
	/* a rule that also alters packets can be copied, but not rebuilt */
	if (j->r->alters || job_leaves(j) || !find_like(j, &like) ||
	    foreign_asks_ipset(j->x->f, j->r) || split_leads(j->x, j->r)) {
		j->x->loose[j->r->chain] = true;
		return 0;
	}
	err = hold(j, like, &r.chain);
	if (!err)
		err = list_put(j, l, r);
	if (!err && !is_sayable(j, l))
		l->v[0].zone = zone_all(j->x->family);
	return err;
}
