/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/change/change_shape.h: what a service's rules of NOTRACK or timeouts are
 * for, as people know it: "tcp 80", "192.0.2.0/24", "any address".
 *
 * Shape:  each word has a SHAPE_* ahead; they are sorted, none twice.
 * Owner:  shape_change_release(); shapes_release() after the last service.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_CLI_CHANGE_SHAPE_H
#define CTPOLICY_CLI_CHANGE_SHAPE_H

#include "cli/change/result.h"

#define SHAPE_PORT "1"
#define SHAPE_FACE "2"
#define SHAPE_ADDRESS "3"

struct shape_index;

/*
 * What the services of one change are asked of: the images are looked through
 * for the first of them, and not again for each.
 */
struct shapes {
	const struct result_end *of;	/* to be set; borrowed */
	struct shape_index *v;		/* of each image that was asked */
	size_t n, cap;
};

/* What there is in the wanted images alone, and in the live ones alone. */
struct shape_change {
	struct words {
		char **v;
		size_t n, cap;
	} gained, lost;
};

int shape_change_find(struct shapes *shapes, const char *service,
		      struct shape_change *ret);
void shape_change_release(struct shape_change *s);
void shapes_release(struct shapes *s);

#endif
