/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/change/shape_index.h: which rules of NOTRACK or timeouts, and which
 * elements of the sets that these look up, are a service's.
 *
 * Shape:  a run is of one service and one rule: elements of a set, one behind
 *         the other, or no set: then it is the rule that names the service,
 *         as none of its elements names any. The runs of a service are a
 *         list, in the order of the image's rules.
 * Owner:  shapes_release(); the image is borrowed, and stays as it is.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_CLI_SHAPE_INDEX_H
#define CTPOLICY_CLI_SHAPE_INDEX_H

#include "cli/change/change_shape.h"
#include "rules/image.h"
#include "rules/name_index.h"

struct shape_run {
	const struct image_rule *rule;
	const struct image_set *set;
	size_t first, n;
	size_t next;			/* SIZE_MAX: it is the last */
};

struct shape_index {
	const struct image *of;
	struct name_index at;		/* of services, into `ends` */
	struct shape_ends {
		size_t first, last;
	} *ends;
	size_t n_ends, cap_ends;
	struct shape_run *run;
	size_t n_runs, cap_runs;
};

/* The one of an image, made when it is asked for the first time. */
int shapes_index(struct shapes *s, const struct image *img,
		 const struct shape_index **ret);
/* The first run of a service; SIZE_MAX: it has none. */
size_t shape_index_find(const struct shape_index *x, const char *service);

#endif
