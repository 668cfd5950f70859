/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/notrack.h: what is wrong with NOTRACK rules that a host already has.
 *
 * Judged are the host's own; ctpolicy's count where they make up for one. What
 * is not understood gets the benefit of the doubt.
 *
 * Shape:  in the order of the checks, then of the rules; `rule` is where it
 *         is said, `other` a second one that it is about.
 * Owner:  messages are the list's; numbers are of foreign.rules.
 * Errors: -ENOMEM. A warning (CT823): so many that not all were compared.
 */
#ifndef CTPOLICY_AUDIT_NOTRACK_H
#define CTPOLICY_AUDIT_NOTRACK_H

#include "core/diag.h"
#include "core/inet.h"
#include "rules/foreign.h"

struct flaw {
	enum diag_level level;
	enum diag_id id;
	uint32_t rule, other;		/* FOREIGN_NOWHERE: none */
	char *msg, *help;
};

struct flaws {
	struct flaw *v;
	size_t n, cap, errors, warnings;
};

/*
 * f: read with wants_terms. forwards: the host is known to forward packets.
 * local: its own addresses, normalized; NULL: nobody knows them.
 */
int notrack_judge(const struct foreign *f, bool forwards,
		  const struct prefix_set *local, struct flaws *ret,
		  struct diags *d);
void flaws_release(struct flaws *l);

#endif
