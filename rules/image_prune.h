/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/image_prune.h: an image without what cannot be written.
 *
 * Shape:  what was left out is listed in the order found: whole sets and
 *         chains by name, rules counted by their chain. A chain of somebody
 *         else's is only a place for our jumps: it is listed as gone.
 * Owner:  losses_release() frees; the image is changed in place.
 * Errors: -ENOMEM; the image may then lack what is not listed.
 */
#ifndef CTPOLICY_RULES_IMAGE_PRUNE_H
#define CTPOLICY_RULES_IMAGE_PRUNE_H

#include "rules/changeset.h"
#include "rules/image.h"

struct image_loss {
	enum step_kind kind;		/* STEP_SET, STEP_CHAIN or STEP_RULE */
	uint8_t family;
	const char *table;		/* interned, as is the name */
	const char *name;		/* of the set or chain */
	size_t n;			/* of rules; 1 else */
};

struct image_losses {
	struct image_loss *v;
	size_t n, cap;
};

/* Rules and sets that could not be decoded, chains with a hook of their own. */
int image_prune_unknown(struct image *img, struct image_losses *out);
/* Jumps to chains that are not in the image, lookups in sets that are not. */
int image_prune_dangling(struct image *img, struct image_losses *out);

/* One thing, by its index. */
int image_prune_set(struct image_table *t, size_t i, struct image_losses *out);
int image_prune_chain(struct image_table *t, size_t i,
		      struct image_losses *out);
int image_prune_rule(const struct image_table *t, struct image_chain *c,
		     size_t i, struct image_losses *out);
void losses_release(struct image_losses *l);

#endif
