/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/fit_glance.h: what a glance at a rule of the host's tells.
 *
 * There are rules by the ten thousand, and most ask for another port than an
 * accept rule has, or ban one address where it has any.
 */
#ifndef CTPOLICY_AUDIT_FIT_GLANCE_H
#define CTPOLICY_AUDIT_FIT_GLANCE_H

#include "rules/foreign.h"
#include "rules/ruleset.h"

/* Does a term, of one field and known, ask for other ports than they have? */
bool fit_misses_ports(const struct foreign *f, const struct term *t,
		      const struct match *m);
/* Is the rule for other ports, by lists of its own? */
bool fit_misses(const struct foreign *f, const struct foreign_rule *r,
		const struct match *m);
/* Does it take one address of any, and lead nowhere? */
bool fit_picks_one(const struct foreign *f, const struct foreign_rule *r,
		   const struct match *m);

#endif
