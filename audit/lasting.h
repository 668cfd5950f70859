/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/lasting.h: what of a rule of the host's shows only later.
 *
 * A set, a map or a chain that is empty today is filled tomorrow, and a rule
 * that adds to a set decides nothing by itself. How packets fare today, which
 * a walk tells, says nothing of these.
 */
#ifndef CTPOLICY_AUDIT_LASTING_H
#define CTPOLICY_AUDIT_LASTING_H

#include "audit/fit.h"
#include "rules/walk.h"

/* Does it add to a set, or take something out? */
bool lasting_adds(const struct foreign *f, uint32_t rule);
/*
 * May it come to ban packets of which it says `y`? Any chain may that does not
 * drop all of them anyway.
 */
bool lasting_bans(const struct foreign *f, const struct walker *w,
		  uint32_t rule, const struct fitting *y);
/*
 * May it come to ban by states that a set or a map with a name lists? What
 * that says of NEW, no rule can repeat.
 */
bool lasting_lists_states(const struct foreign *f, uint32_t rule);
/* Is it for other ports than these packets', as its sets have them today? */
bool lasting_is_elsewhere(const struct foreign *f, uint32_t rule,
			  const struct match *m);

#endif
