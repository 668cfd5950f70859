/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/image_foreign.h: an image among the host's own rules.
 *
 * What ctpolicy would write is judged by the same walk as what is there: its
 * tables, chains and rules become part of a model, its jumps at the place in
 * the host's chains that they are to have.
 *
 * Shape:  chains of the host's that do not exist yet are made as the kernel
 *         makes them. A rule that could not be decoded is one opaque term.
 * Owner:  the model copies what it needs; both may go on alone.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_RULES_IMAGE_FOREIGN_H
#define CTPOLICY_RULES_IMAGE_FOREIGN_H

#include "rules/foreign.h"
#include "rules/image.h"

struct image_place {
	const struct image_table *table;
	const struct image_chain *chain;
	const struct image_rule *rule;
};

/* Of the rule added last, a VERDICT_WORDS one: its terms and verdict. */
typedef int image_words_fn(const struct image_table *t, const char *words,
			   struct foreign *f);

int image_add_to_foreign(const struct image *img, enum foreign_world world,
			 image_words_fn *words, struct foreign *f);
/* The rule that was added as number n, from 0; false: there are fewer. */
bool image_place_added(const struct image *img, size_t n,
		       struct image_place *ret);

#endif
