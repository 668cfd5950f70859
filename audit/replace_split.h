/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_split.h: chains whose rules differ from hook to hook, and so
 * become several.
 *
 * Which chains these are follows from the edits, and what becomes of some rules
 * follows from that: what they count must be counted once, for all copies; and
 * where a map with a name leads to a chain, no copy of it can be reached. So
 * edits are found again, until nothing new is known.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_REPLACE_SPLIT_H
#define CTPOLICY_AUDIT_REPLACE_SPLIT_H

#include "audit/replace_parts.h"

#define SPLIT_HOOKS 5

/* In the order of which a chain that several reach is the one of the first. */
extern const struct split_hook {
	const char *suffix;
	uint8_t hook;
} split_hooks[SPLIT_HOOKS];

/* The hook for which the chain stays where it is. */
uint8_t split_home(const struct replacing *x, size_t chain);
/* Of the edits that were found; *ret_again: they must be found again. */
int split_find(struct replacing *x, bool *ret_again);
/* What is counted in each copy apart is announced by the edits behind it. */
void split_announce(struct replacing *x);

#endif
