/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/passed.h: how many rules packets of open connections pass, before a
 * ruleset was rewritten and afterwards.
 *
 * Tried are TCP connections that the rules of the original tell apart, and of
 * those that it lets begin, the packets behind the first one: most of all
 * traffic, which ESTABLISHED took at the head of a chain.
 *
 * Shape:  of the chains of one hook together, whatever their tables; a rule
 *         counts when it is looked at, down to the first that may decide.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_PASSED_H
#define CTPOLICY_AUDIT_PASSED_H

#include "rules/foreign.h"
#include "rules/walk.h"

struct passed {
	bool met;			/* such packets come there */
	size_t before, after;		/* by the packet that passes most */
};

int passed_count(const struct foreign *before, const struct foreign *after,
		 struct passed ret[WALK_HOOKS]);

#endif
