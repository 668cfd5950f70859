/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/tracking.h: the table of connections goes along with the rules.
 *
 * Shape:  what leaves the rules is given its entries back before it is tracked
 *         again, and once more after, for what opened meanwhile; what comes
 *         under the rules loses its entries after. Rules taken back take
 *         their entries with them.
 * Errors: none: what cannot be done is a warning in p->diags, and the change
 *         of the rules stands.
 */
#ifndef CTPOLICY_ENGINE_TRACKING_H
#define CTPOLICY_ENGINE_TRACKING_H

#include "engine/transaction.h"

/* p->changes is about to be made. */
void tracking_before(struct plan *p, struct transaction *t);
/* It was made, from `before` to p->want. */
void tracking_after(struct plan *p, const struct image *before,
		    struct transaction *t);
/* It was not, or was taken back; `before` NULL: nobody knows. */
void tracking_undone(struct plan *p, const struct image *before,
		     struct transaction *t);

#endif
