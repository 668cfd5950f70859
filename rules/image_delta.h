/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/image_delta.h: what leads from the rules after a change back to those
 * before it.
 *
 * Shape:  two images. `before` names every table, set and chain that was there
 *         before; what it does not name came with the change. `after` names
 *         those that the way back finds in place:
 *
 *           in `before` and in `after`     in `before` alone
 *           a chain: its rules stay        its rules, all of them
 *           a set: take out the elements   its elements, all of them
 *           of `after`, put in those
 *           of `before`
 *
 *         A chain of somebody else's, where our jumps stand, is never in
 *         `after`. Both images are small when little was changed.
 * Owner:  made images borrow nothing.
 * Errors: -ENOMEM; nothing else can fail.
 */
#ifndef CTPOLICY_RULES_IMAGE_DELTA_H
#define CTPOLICY_RULES_IMAGE_DELTA_H

#include "rules/image.h"

struct image_delta {
	struct image *before, *after;
};

int image_delta_make(const struct image *before, const struct image *after,
		     struct image_delta *ret);
/*
 * The image to want so that the rules before the change are back, when `live`
 * holds those after it, or any mixture of the two. Where others changed them
 * since, image_digest() of the result is not that of `before`.
 */
int image_delta_apply(const struct image_delta *d, const struct image *live,
		      struct image **ret);
void image_delta_release(struct image_delta *d);

#endif
