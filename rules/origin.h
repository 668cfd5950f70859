/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/origin.h: who asked for a rule, as what, and where.
 *
 * Shape:  for comments, diffs and kernel errors; all strings may be NULL.
 * Owner:  borrows its strings, from the policy as a rule.
 */
#ifndef CTPOLICY_RULES_ORIGIN_H
#define CTPOLICY_RULES_ORIGIN_H

#include "core/diag.h"

/* What this host is to a service: the values of `role` in a policy. */
enum policy_role {
	ROLE_SERVER = 1 << 0,
	ROLE_CLIENT = 1 << 1,
	ROLE_ROUTER = 1 << 2,
	ROLE_LOOPBACK = 1 << 3,
};

#define ROLES 4

struct origin {
	const char *service; /* NULL: the policy as a whole */
	const char *why;     /* NULL: none given */
	struct srcpos at;
};

#endif
