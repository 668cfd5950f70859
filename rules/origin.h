/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/origin.h: who asked for a rule, and where.
 *
 * Shape:  for comments, diffs and kernel errors; all strings may be NULL.
 * Owner:  borrows its strings, from the policy as a rule.
 */
#ifndef CTPOLICY_RULES_ORIGIN_H
#define CTPOLICY_RULES_ORIGIN_H

#include "core/diag.h"

struct origin {
	const char *service; /* NULL: the policy as a whole */
	const char *why;     /* NULL: none given */
	struct srcpos at;
};

#endif
