/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/changeset.h: the difference of two images, as ordered steps.
 *
 * Shape:  a step is one change, or as many as there are elements of one origin
 *         that stand together in a set and come, or go, alike. Steps stand in
 *         an order that a backend may commit one by one: sets
 *         and chains before the rules that use them, accepts in, NOTRACK in,
 *         NOTRACK out (request direction first), accepts out; whatever is
 *         emptied goes last. `phase` never falls from one step to the next; a
 *         backend that commits per table commits per phase; one that commits
 *         all at once may take deletions first. An empty changeset
 *         means "in sync".
 * Owner:  steps point into `want` and `live`; both must outlive it.
 * Errors: changeset_diff() is pure; it fails only with -ENOMEM and then leaves
 *         *ret untouched. To undo, diff against the previous image.
 */
#ifndef CTPOLICY_RULES_CHANGESET_H
#define CTPOLICY_RULES_CHANGESET_H

#include "rules/image.h"

enum step_kind {
	STEP_TABLE,
	STEP_CHAIN,
	STEP_SET,
	STEP_ELEMENT,
	STEP_RULE,
	STEP_KIND_MAX_
};

enum phase {
	PHASE_ADD_ACCEPT,
	PHASE_ADD_NOTRACK,
	PHASE_DEL_NOTRACK_REQUEST,
	PHASE_DEL_NOTRACK_REPLY,
	PHASE_DEL_ACCEPT,
	PHASE_MAX_
};

struct step {
	enum step_kind kind;
	enum phase phase;
	bool add;
	bool replaces;		/* element: exists with another comment */
	uint32_t elem;		/* STEP_ELEMENT: index in set, of the first */
	uint32_t n;		/* so many of them; 1 of all else */
	const struct image_table *table;	/* of want (add) or live */
	const struct image_chain *chain;	/* STEP_CHAIN, STEP_RULE */
	const struct image_set *set;		/* STEP_SET, STEP_ELEMENT */
	const struct image_rule *rule;		/* STEP_RULE */
	/*
	 * STEP_RULE, add: the live rule that it goes right before, NULL: at
	 * the chain's end. Several with one `before` come in their order.
	 */
	const struct image_rule *before;
};

struct changeset {
	const struct image *want, *live;
	struct step *steps;
	size_t n, cap;
};

int changeset_diff(const struct image *want, const struct image *live,
		   struct changeset **ret);
bool changeset_is_empty(const struct changeset *cs);
/* How many things change: each element counts. */
size_t changeset_count(const struct changeset *cs);
/*
 * They one by one, from `{ 0 }` on: in `now`, a step of one element or of
 * something else. NULL: that was all.
 */
struct step_walk {
	size_t i;
	uint32_t k;
	struct step now;
};
const struct step *changeset_next(const struct changeset *cs,
				  struct step_walk *w);
/* Do flows leave tracking with it, or (add: false) return to it? */
bool step_is_notrack(const struct step *s, bool add);
/* The step's origin for the user, never NULL for an added step. */
const struct origin *step_origin(const struct step *s);
const char *step_kind_name(enum step_kind k);	/* "rule" */
void changeset_free(struct changeset **cs);

#endif
