/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/advice.h: which services, taken out of tracking, would relieve the
 * connection table most, and what forbids it.
 *
 * A stray entry forbids nothing: what is translated, or has a helper, is left
 * out where it is one in a hundred of its role, and the whole role where it is
 * more, and the host's own rules judge the rest.
 *
 * The table is listed once. What has at least a hundredth of it is a
 * suggestion: the entries of one protocol and port. Those that may go make one
 * policy, and pre-flight judges it by the host's own rules, as an apply would.
 * Nothing is written, and no module is loaded.
 *
 * Shape:  what would save most comes first. A suggestion that is allowed has a
 *         policy, which is a whole one; `policy` of the advice is one with all
 *         of them.
 * Owner:  advice_release().
 * Errors: -errno or a fault, with a diagnostic in `diags` unless -ENOMEM:
 *         -FAULT_LACKING: a module would have to be loaded. What the host's
 *         rules forbid is no error but a note.
 */
#ifndef CTPOLICY_ENGINE_ADVICE_H
#define CTPOLICY_ENGINE_ADVICE_H

#include "audit/groups.h"
#include "core/diag.h"
#include "engine/request.h"
#include "host/conntrack/table.h"

/* What the entries look like, and what that means for tracking. */
enum advice_shape {
	ADVICE_PLAIN,
	ADVICE_ASYMMETRIC,	/* forwarded, of most one direction was seen */
	ADVICE_ONE_WAY,		/* nobody answers: syslog, telemetry, VXLAN */
};

enum advice_why {
	ADVICE_ALLOWED,
	ADVICE_TRANSLATED,	/* entries are, in each role that matters */
	ADVICE_HELPED,		/* a helper looks into them */
	ADVICE_NO_SERVICE,	/* no policy can name them */
	ADVICE_TO_GROUPS,	/* nor without the addresses they came to */
	ADVICE_REFUSED,		/* by pre-flight, see `diags` */
};

struct suggestion {
	struct group group;
	enum advice_shape shape;
	enum advice_why why;
	bool nat, helper;	/* what conflicts, as entries or rules tell */
	uint32_t roles;		/* of the service, 1 << enum groups_role */
	uint32_t would_save;
	uint32_t line;		/* of its service in the policy of all */
	char *policy;		/* NULL: not allowed */
};

struct advice {
	struct diags diags;
	bool tracked;		/* there is a table */
	struct ct_table table;
	uint64_t entries, would_save;
	bool complete, sources_exact;
	struct suggestion *v;
	size_t n;
	char *policy;		/* NULL: nothing is allowed */
};

int advice_read(const struct request *rq, void (*progress)(uint64_t done),
		struct advice *ret);
double advice_share(const struct advice *a, uint64_t n);
void advice_release(struct advice *a);

#endif
