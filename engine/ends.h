/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/ends.h: where connections of a service can begin and end here.
 *
 * Shape:  `outside`: this host's addresses but those of loopback; `all`: these
 *         too. Devices without lo. A space is that of audit/flow_space.h.
 * Owner:  ends_release(); a space borrows from the ends and the service.
 * Errors: -errno of asking the kernel.
 */
#ifndef CTPOLICY_ENGINE_ENDS_H
#define CTPOLICY_ENGINE_ENDS_H

#include "audit/flow_space.h"
#include "policies/policy.h"

struct ends {
	struct prefix_set outside, all;
	struct iface_set devices;
};

int ends_find(struct ends *ret);
void ends_release(struct ends *x);
/* Does this host speak with itself in the service? */
bool ends_meet_within(const struct ends *x, const struct service *s,
		      uint8_t family);
/* ... and with nobody else: the policy names its own addresses alone? */
bool ends_are_here(const struct ends *x, const struct service *s);
struct flow_space ends_space(const struct ends *x, const struct service *s,
			     enum flow_way way, uint8_t family, uint8_t proto,
			     struct port_range ephemeral);

#endif
