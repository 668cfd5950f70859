/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_places.h: copies of chains, and where datagrams that leave are
 * remembered.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_REPLACE_PLACES_H
#define CTPOLICY_AUDIT_REPLACE_PLACES_H

#include "audit/replace_parts.h"

/* Whether rules reject, and any with a reset of TCP. */
void replace_rejects(struct replacing *x);
/* Does one rule say it, whatever the dialect? */
bool replace_is_one(const struct job *j, const struct zone *z);
/* For the edits of both families, behind split_find(). */
int replace_places(struct replacing *x, struct replaced *v, size_t n);

#endif
