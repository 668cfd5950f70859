/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/tracking.h: the connection table follows the rules.
 *
 * Shape:  open connections that return to tracking get entries before the
 *         rules change, and again afterwards for those opened meanwhile.
 *         Flows that leave tracking lose their entries afterwards. When a
 *         change is undone, the entries that it made are dropped.
 * Owner:  tracking_release().
 * Errors: none: what cannot be done is a warning in p->diags, and the change
 *         of the rules stands.
 */
#ifndef CTPOLICY_ENGINE_TRACKING_H
#define CTPOLICY_ENGINE_TRACKING_H

#include "host/conntrack/conntrack.h"

struct plan;

struct tracking {
	size_t evicted;			/* entries that were dropped */
	struct adopted adopted;		/* connections that got an entry */
	bool takes_out;			/* some flows leave tracking */
	bool prepared;			/* others return, and were seen to */
	bool timers;			/* new entries get their own */
};

/*
 * The changes of p's parts will be made. This takes as long as the table is
 * large, so the rules may have changed by the time it returns. If so call it
 * again for what is planned then, which is quick.
 */
void tracking_before(struct plan *p, struct tracking *t);
/* They have been made, from each part's `before` to its `want`. */
void tracking_after(struct plan *p, struct tracking *t);
/* It was not made, or it was undone. */
void tracking_undone(struct plan *p, struct tracking *t);
void tracking_release(struct tracking *t);

#endif
