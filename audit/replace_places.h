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

/* Whether rules reject. */
void replace_rejects(struct replacing *x);
/* Hooks, as in reach, in which packets come to a rule that resets TCP. */
int replace_resets(struct replacing *x, uint8_t *ret);
/* Does one rule say it, whatever the dialect? */
bool replace_is_one(const struct job *j, const struct zone *z);
/* For the edits of both families, behind split_find(). */
int replace_places(struct replacing *x, struct replaced *v, size_t n);

#endif
