/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/tracking_cuts.h: whose connections a return to tracking cuts off.
 *
 * conntrack_adopt() finds a connection by its socket: what has none on this
 * host, or is not looked for, goes on without an entry.
 *
 * Shape:  adds what the steps of one changeset take out of NOTRACK to *ret; a
 *         rule that the chain still has afterwards takes nothing out.
 * Errors: none: what there is no memory to tell is said to be cut off.
 */
#ifndef CTPOLICY_ENGINE_TRACKING_CUTS_H
#define CTPOLICY_ENGINE_TRACKING_CUTS_H

#include <stdbool.h>

struct changeset;

struct tracking_cuts {
	bool forwarded;			/* flows that pass through the host */
	bool sctp;			/* associations */
};

void tracking_cuts_find(const struct changeset *cs, struct tracking_cuts *ret);

#endif
