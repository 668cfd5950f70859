/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/replace_split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "core/intern.h"
#include "core/mem.h"

const struct split_hook split_hooks[SPLIT_HOOKS] = {
	{ "input", NF_INET_LOCAL_IN },
	{ "forward", NF_INET_FORWARD },
	{ "output", NF_INET_LOCAL_OUT },
	{ "pre", NF_INET_PRE_ROUTING },
	{ "post", NF_INET_POST_ROUTING },
};

static bool is_shared(const struct replacing *x, size_t chain)
{
	uint8_t bits = x->reach[chain];

	return bits & (bits - 1);
}

uint8_t split_home(const struct replacing *x, size_t chain)
{
	for (size_t i = 0; i < SPLIT_HOOKS; i++)
		if (x->reach[chain] >> split_hooks[i].hook & 1)
			return split_hooks[i].hook;
	return NF_INET_FORWARD;
}

/* In chains that the rule leads to, by its verdict or by a map. */
typedef bool led_fn(struct replacing *x, const struct foreign_rule *r,
		    const char *map, uint32_t to);

static bool each_led(struct replacing *x, const struct foreign_rule *r,
		     led_fn *fn)
{
	const struct foreign *f = x->f;
	const struct foreign_outcome own = { r->verdict, r->target };
	uint32_t to = foreign_leads_to(f, r, &own);
	bool any = to != FOREIGN_NOWHERE && fn(x, r, NULL, to);

	for (uint32_t i = 0; i < r->n_terms; i++) {
		const struct term *t = &f->terms[r->terms + i];
		const struct key_set *s = &f->sets[t->set];

		if (t->kind != TERM_VMAP || s->outcome == FOREIGN_NOWHERE)
			continue;
		for (uint32_t k = 0; k < s->n; k++) {
			to = foreign_leads_to(f, r,
					      &f->outcomes[s->outcome + k]);
			if (to != FOREIGN_NOWHERE)
				any |= fn(x, r, s->name, to);
		}
	}
	return any;
}

static bool is_split(struct replacing *x, const struct foreign_rule *r,
		     const char *map, uint32_t to)
{
	(void)r;
	(void)map;
	return x->split[to];
}

bool split_leads(struct replacing *x, const struct foreign_rule *r)
{
	return each_led(x, r, is_split);
}

/* A chain that differs, and those that lead there. */
static void find_chains(struct replacing *x)
{
	const struct foreign *f = x->f;
	bool changed = true;

	memset(x->split, 0, f->n_chains * sizeof(*x->split));
	for (size_t i = 0; i < x->out->n_edits; i++) {
		const struct stateless_edit *e = &x->out->edits[i];

		x->split[e->chain] |= e->depends && !e->left &&
				      e->kind != STATELESS_NONE &&
				      is_shared(x, e->chain);
	}
	while (changed) {
		changed = false;
		for (size_t i = 0; i < f->n_rules; i++) {
			const struct foreign_rule *r = &f->rules[i];

			if (foreign_is_gone(r) || x->split[r->chain] ||
			    !is_shared(x, r->chain) || !split_leads(x, r))
				continue;
			x->split[r->chain] = changed = true;
		}
	}
}

/*
 * By a map with a name, from a hook that has a copy of the chain. Others fill
 * such maps, and would not know of one for each hook.
 */
static bool find_stuck(struct replacing *x, const struct foreign_rule *r,
		       const char *map, uint32_t to)
{
	uint8_t hooks = x->reach[r->chain];

	hooks &= (uint8_t)~(1u << split_home(x, to));
	if (!map || !hooks || !x->split[to] || x->stuck[to])
		return false;
	x->stuck[to] = intern_printf(
		"is in a chain that must differ from hook to hook, where map %s leads from several",
		map);
	x->lost |= !x->stuck[to];
	return true;
}

/* What it leads to, for all hooks alike, must stay one, too. */
static bool find_led(struct replacing *x, const struct foreign_rule *r,
		     const char *map, uint32_t to)
{
	(void)map;
	if (!x->stuck[r->chain] || !x->split[to] || x->stuck[to])
		return false;
	x->stuck[to] = x->stuck[r->chain];
	return true;
}

static bool each_rule(struct replacing *x, led_fn *fn)
{
	bool any = false;

	for (size_t i = 0; i < x->f->n_rules; i++)
		if (!foreign_is_gone(&x->f->rules[i]))
			any |= each_led(x, &x->f->rules[i], fn);
	return any;
}

/* Is there a rule that counts, in one of them? */
static int has_counts(struct replacing *x, bool *ret)
{
	const struct foreign *f = x->f;

	*ret = false;
	for (size_t i = 0; !*ret && i < f->n_rules; i++) {
		struct zone_asked asked;
		struct zone z;
		int err;

		if (foreign_is_gone(&f->rules[i]) ||
		    !x->split[f->rules[i].chain])
			continue;
		err = zone_of_rule(x->a, f, &f->rules[i], NFPROTO_IPV4, &z,
				   &asked);
		if (err)
			return err;
		*ret = asked.alone;
	}
	return 0;
}

int split_find(struct replacing *x, bool *ret_again)
{
	bool counts = false;
	int err = 0;

	find_chains(x);
	*ret_again = each_rule(x, find_stuck);
	while (*ret_again && each_rule(x, find_led))
		;
	if (!*ret_again && !x->counted_once)
		err = has_counts(x, &counts);
	x->counted_once |= counts;
	*ret_again |= counts;
	return x->lost ? -ENOMEM : err;
}

static bool loosen(struct replacing *x, const struct foreign_rule *r,
		   const char *map, uint32_t to)
{
	(void)map;
	if (!x->loose[r->chain] || !x->split[to] || x->loose[to])
		return false;
	x->loose[to] = true;
	return true;
}

void split_announce(struct replacing *x)
{
	while (each_rule(x, loosen))
		;
	for (size_t i = 0; i < x->out->n_edits; i++) {
		struct stateless_edit *e = &x->out->edits[i];

		if (!e->depends || e->kind == STATELESS_NONE ||
		    !x->loose[e->chain] || !x->split[e->chain])
			continue;
		e->loses |= LOSES(RATE);
		e->kind = STATELESS_APPROXIMATE;
	}
}
