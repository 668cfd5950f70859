/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/change/summary_find.h: whose the objects of an image are, and where
 * people look for them; for cli/change/change_summary.c.
 *
 * Owner:  look_release(); images are borrowed, and stay as they are.
 * Errors: -ENOMEM in `err`; what was looked for is then NULL.
 */
#ifndef CTPOLICY_CLI_SUMMARY_FIND_H
#define CTPOLICY_CLI_SUMMARY_FIND_H

#include "cli/change/change_summary.h"

/* The first rule that looks up a set, by the set's name. */
struct set_rule {
	const struct image_table *table;
	const struct image_chain *chain;
	const struct image_rule *rule;
};

/* ... of an image: for each of its tables, and for all of them together. */
struct set_rules {
	const struct image *of;		/* NULL: not indexed yet */
	struct name_index at;
	struct set_rule *v;
	size_t n, cap;
};

/* What is being looked at: a table of the wanted image, or of the live one. */
struct look {
	struct change_summary *s;
	const struct image *image;
	const struct image_table *table;
	/* look_rule_of_set()'s own: of the wanted image, and the live one */
	struct set_rules set_rules[2];
	/* known_chain() found for this one: */
	const struct image_chain *chain;
	const char *chain_name;
	int err;
};

typedef void found_fn(struct look *k, struct service_change *x,
		      const struct image_chain *c, const struct image_rule *r);

/* The one of an origin, made when there is none. */
struct service_change *look_service(struct look *k, const struct origin *o);
/* Where the service's rules of this kind and chain are, made likewise. */
struct place_change *look_place(struct look *k, struct service_change *x,
				const struct image_chain *c,
				const struct image_rule *r);
bool look_is_jump(const struct image_rule *r);
/* Each service that the rule is for. */
void look_rule(struct look *k, const struct image_chain *c,
	       const struct image_rule *r, found_fn *found);
/* The rule that looks up a set of k->table; its own table comes instead. */
const struct image_rule *look_rule_of_set(struct look *k,
					  const struct image_set *set,
					  const struct image_chain **ret);
void look_release(struct look *k);

#endif
