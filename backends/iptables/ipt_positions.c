/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_positions.h"

#include <errno.h>

#include "core/mem.h"

/* Moving each rule on its own would cost n squared: a Fenwick tree counts the
 * places that are free yet, and from the last rule to the first each takes the
 * free place that is its position then. */
struct places {
	size_t *free;			/* from 1; of the i & -i up to i */
	size_t n;
};

static int places_init(struct places *p, size_t n)
{
	p->n = n;
	p->free = calloc(n + 1, sizeof(*p->free));
	if (!p->free)
		return -ENOMEM;
	for (size_t i = 1; i <= n; i++)
		p->free[i] = i & -i;
	return 0;
}

/* Take the free place number `nth`, from 1: its index, from 0. */
static size_t places_take(struct places *p, size_t nth)
{
	size_t at = 0, step = 1;

	while (step * 2 <= p->n)
		step *= 2;
	for (; step; step /= 2)
		if (at + step <= p->n && p->free[at + step] < nth) {
			at += step;
			nth -= p->free[at];
		}
	for (size_t i = at + 1; i <= p->n; i += i & -i)
		p->free[i]--;
	return at;
}

static bool is_settled(const struct image_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (c->rules[i].handle != i + 1)
			return false;
	return true;
}

int ipt_positions_settle(struct image_chain *c)
{
	struct image_rule *rules;
	struct places free_yet;

	if (is_settled(c))
		return 0;
	rules = calloc(c->n_rules, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	if (places_init(&free_yet, c->n_rules)) {
		free(rules);
		return -ENOMEM;
	}
	for (size_t i = c->n_rules; i-- > 0;) {
		size_t at = places_take(&free_yet, c->rules[i].handle);

		rules[at] = c->rules[i];
		rules[at].handle = at + 1;
	}
	free(free_yet.free);
	free(c->rules);
	c->rules = rules;
	c->cap_rules = c->n_rules;
	return 0;
}
