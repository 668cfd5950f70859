/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host/conntrack/scope.h: the flows that one image takes out of tracking
 * and another does not, seen from this host.
 *
 * Where a rule names interfaces, a flow's own are worked out from the routes.
 * Such a rule does not count for a flow whose interface is not known.
 *
 * Owner:  borrows the images; scope_release().
 * Errors: -errno.
 */
#ifndef CTPOLICY_HOST_CONNTRACK_SCOPE_H
#define CTPOLICY_HOST_CONNTRACK_SCOPE_H

#include "host/conntrack/routes.h"
#include "rules/image_flow.h"

struct scope {
	struct image_flows *out, *but;	/* but: NULL where nothing is */
	struct prefix_set local;
	struct routes routes;
	bool by_interface;
};

int scope_open(struct scope *s, const struct image *out,
	       const struct image *but);
void scope_release(struct scope *s);
/* Work out where a flow leads from its addresses. */
void scope_place(const struct scope *s, struct flow *f);
/* Do its packets go out of tracking, in this direction? */
bool scope_has_one_way(struct scope *s, const struct flow *f);
/* ... in both directions? */
bool scope_has(struct scope *s, const struct flow *f);
/* Was there memory for all answers? */
int scope_status(const struct scope *s);

#endif
