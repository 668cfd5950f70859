/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/host_rules.h: the host's own rules, read once for all that asks.
 *
 * Accept rules are placed by the rules of one world; whoever judges packets
 * needs those of all worlds, and what the plan would add to them.
 *
 * Shape:  without ctpolicy's own rules. Those that are wanted, once put, are
 *         the rules from number `n` on.
 * Owner:  host_rules_release(), which leaves it empty.
 * Errors: -ENOMEM; what read_live() of backends/backend.h says.
 */
#ifndef CTPOLICY_ENGINE_HOST_RULES_H
#define CTPOLICY_ENGINE_HOST_RULES_H

#include "engine/change.h"
#include "rules/foreign.h"

struct host_rules {
	struct foreign *f;		/* NULL: not read */
	const struct backend *only;	/* of one world; NULL: of all */
	uint32_t *position;		/* as people count, ours included */
	size_t n, cap;
};

/*
 * Those of the part's world, as they are now; with what it takes to replace
 * them (`original`).
 */
int host_rules_read(struct host_rules *h, const struct part *m,
		    bool originals, struct diags *d);
/*
 * Those of a text, which becomes theirs, in the backend's world: as far as they
 * are understood.
 */
int host_rules_of_text(struct host_rules *h, const struct backend *b,
		       const char *file, struct foreign **f);
/* And those of the other worlds; all of them where nothing was read. */
int host_rules_complete(struct host_rules *h, struct diags *d);
/* The rules of all parts, as they would be. */
int host_rules_put_wanted(struct host_rules *h, const struct change *c);
/* Is there a rule, or a chain that drops all? */
bool host_rules_exist(const struct host_rules *h);
void host_rules_release(struct host_rules *h);

#endif
