/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/image_flow.h: which flows do the rules of an image take out of tracking?
 *
 * Shape:  the image may be a kernel's, made by a policy that is gone. As in
 *         rules/flow.h, what is not known of a flow is taken to match: its
 *         interface, whether a socket is open.
 * Owner:  borrows the image, which must not change meanwhile; the caller frees
 *         with image_flows_free().
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_RULES_IMAGE_FLOW_H
#define CTPOLICY_RULES_IMAGE_FLOW_H

#include "rules/flow.h"
#include "rules/image.h"

struct image_flows;

int image_flows_new(const struct image *img, struct image_flows **ret);
/* May a NOTRACK rule at this hook take a packet of this direction? */
bool image_untracks(const struct image_flows *x, const struct flow *f,
		    enum hook hook);
void image_flows_free(struct image_flows **x);

#endif
