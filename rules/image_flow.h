/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/image_flow.h: which flows an image takes out of tracking.
 *
 * Shape:  the image may be a kernel's, made by a policy that is gone. As in
 *         rules/flow.h, what is not known of a flow is taken to match: its
 *         interfaces, whether a socket is open. A search costs about the
 *         logarithm of a set's elements; the first one indexes the set.
 * Owner:  borrows the image, which must not change meanwhile; the caller frees
 *         with image_flows_free().
 * Errors: -ENOMEM. image_untracks() says no without memory, and
 *         image_flows_status() tells afterwards.
 */
#ifndef CTPOLICY_RULES_IMAGE_FLOW_H
#define CTPOLICY_RULES_IMAGE_FLOW_H

#include "rules/flow.h"
#include "rules/image.h"

struct image_flows;

int image_flows_new(const struct image *img, struct image_flows **ret);
/* May a NOTRACK rule at this hook take a packet of this direction? */
bool image_untracks(struct image_flows *x, const struct flow *f,
		    enum hook hook);
/* Does any of these rules name an interface? */
bool image_flows_by_interface(const struct image_flows *x);
int image_flows_status(const struct image_flows *x);
void image_flows_free(struct image_flows **x);

#endif
