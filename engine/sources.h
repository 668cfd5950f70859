/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/sources.h: are the sources that rules give to packets other ones?
 *
 * A rule that translates what this host sends to the address that it has
 * anyway is no loss, as its replies are told by their socket. The address is
 * the one of the route, unless the policy names those that are used.
 *
 * Shape:  fills in source_lost, lost_by, lost_maybe_by and ports_by of what
 *         was judged of a connection that is not forwarded. Where the route's
 *         address is another than the sample's, it is judged again with that
 *         one, and both are replaced if its source would be lost.
 *         lost_maybe_by: the rule is for a device that is not there.
 * Errors: -ENOMEM.
 * Source: get_unique_tuple() in net/netfilter/nf_nat_core.c: a source within
 *         the range stays what it is. With `random` it may become any of the
 *         range; then the far end takes its own for one of these, too.
 */
#ifndef CTPOLICY_ENGINE_SOURCES_H
#define CTPOLICY_ENGINE_SOURCES_H

#include "audit/judge.h"
#include "host/leaving.h"

struct sources {
	const struct foreign *f;
	struct walker *w;
	struct leaving *leaving;
	enum truth tracking;
};

int sources_settle(const struct sources *x, const struct flow_space *sp,
		   struct flow_sample *sample, struct judged *now);

#endif
