/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_ends.h"

#include <errno.h>
#include <string.h>

#include "core/intern.h"

#define WORTH_IT 2		/* so many rules that would follow */

static const struct origin nobody;

static bool is_worth_it(const struct image_chain *c, size_t rule)
{
	return rule + WORTH_IT < c->n_rules &&
	       c->rules[rule].verdict == VERDICT_NOTRACK;
}

static int add_chain(struct image_table *t, const char *name, uint8_t family)
{
	struct image_chain *c = image_add_chain(t, name, HOOK_MAX_);
	struct image_rule *r = c ? image_add_rule(c) : NULL;

	if (!r)
		return -ENOMEM;
	r->verdict = VERDICT_WORDS;
	r->match.family = family;
	r->origin = &nobody;
	r->unknown = strdup("-j CT --notrack");
	return r->unknown ? 0 : -ENOMEM;
}

int ipt_ends_put(struct image_table *t, const char *chain)
{
	struct image_chain *c = image_find_chain(t, chain);
	const char *end;
	int err;

	if (!c->n_rules || !is_worth_it(c, 0))
		return 0;
	end = intern_printf("%s.0", chain);
	err = end ? add_chain(t, end, c->rules[0].match.family) : -ENOMEM;
	if (err)
		return err;
	c = image_find_chain(t, chain);
	for (size_t i = 0; i < c->n_rules; i++) {
		c->rules[i].ends = is_worth_it(c, i);
		if (c->rules[i].ends)
			c->rules[i].target = end;
	}
	return 0;
}
