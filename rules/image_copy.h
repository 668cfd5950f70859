/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/image_copy.h: pieces of one image, put into another.
 *
 * Shape:  a copy comes last beside its siblings, without what it holds: a
 *         table without chains and sets, a set without elements.
 * Owner:  the copy borrows nothing: its origins are new ones, in the image
 *         that it goes into.
 * Errors: NULL or -ENOMEM.
 */
#ifndef CTPOLICY_RULES_IMAGE_COPY_H
#define CTPOLICY_RULES_IMAGE_COPY_H

#include "rules/image.h"

struct image_table *image_copy_table(struct image *to,
				     const struct image_table *from);
struct image_chain *image_copy_chain(struct image_table *to,
				     const struct image_chain *from);
struct image_set *image_copy_set(struct image_table *to,
				 const struct image_set *from);
int image_copy_rule(struct image *img, struct image_chain *to,
		    const struct image_rule *from);
int image_copy_rules(struct image *img, struct image_chain *to,
		     const struct image_chain *from);

/* Copies elements; remembers the last origin, as neighbours share theirs. */
struct elem_copier {
	struct image *img;
	struct image_set *to;
	const struct origin *from, *made;
};

int elem_copy(struct elem_copier *c, const struct elems *from, size_t i);
/* All of them. */
int image_copy_elems(struct image *img, struct image_set *to,
		     const struct image_set *from);

#endif
