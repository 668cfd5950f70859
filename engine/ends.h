/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/ends.h: where connections of a service can begin and end here.
 *
 * Shape:  `outside`: this host's addresses but those of loopback; `all`: these
 *         too. Devices as host/devices.h has them. A space is that of
 *         audit/flow_space.h.
 * Owner:  ends_release(); a space borrows from the ends and the service.
 * Errors: -errno of asking the kernel.
 */
#ifndef CTPOLICY_ENGINE_ENDS_H
#define CTPOLICY_ENGINE_ENDS_H

#include "audit/flow_space.h"
#include "policies/policy.h"
#include "rules/foreign.h"

struct ends {
	struct prefix_set outside, all;
	struct iface_set devices;
};

int ends_find(struct ends *ret);
/*
 * Of whatever host: an address that no rule names, loopback's, and no device,
 * which stands for any.
 */
int ends_example(struct ends *ret);
void ends_release(struct ends *x);
/* Does this host speak with itself in the service? */
bool ends_meet_within(const struct ends *x, const struct service *s,
		      uint8_t family);
/* ... and with nobody else: the policy names its own addresses alone? */
bool ends_are_here(const struct ends *x, const struct service *s);
/* Is it an address, or network, of this host's own? */
bool ends_have(const struct ends *x, const struct prefix *p);
/*
 * How many protocols to try it with, and which: its own, or, of `any`, the
 * common ones and those that the host's rules name.
 */
#define ENDS_PROTOCOLS_MAX 256
size_t ends_protocols(const struct foreign *f, const struct service *s,
		      uint8_t family, uint8_t ret[ENDS_PROTOCOLS_MAX]);
/*
 * Each way that connections of a service can take here, in each family of the
 * policy and for each protocol to try; the first error of fn ends it.
 */
typedef int (*ends_way_fn)(void *arg, const struct service *s,
			   enum flow_way way, uint8_t family, uint8_t proto);
int ends_each_way(const struct ends *x, const struct policy *p,
		  const struct service *s, const struct foreign *f,
		  ends_way_fn fn, void *arg);
struct flow_space ends_space(const struct ends *x, const struct service *s,
			     enum flow_way way, uint8_t family, uint8_t proto,
			     struct port_range ephemeral);

#endif
