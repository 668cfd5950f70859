/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/forbidden.h: `state_matching: forbidden`, and what this host has.
 *
 * A single rule that needs connection tracking, in whatever chain and world,
 * switches it on for its family.
 *
 * Errors: -FAULT_CONFLICT: there are such rules, each in a diagnostic; -ENOMEM
 *         and what reading the rules gives.
 */
#ifndef CTPOLICY_ENGINE_FORBIDDEN_H
#define CTPOLICY_ENGINE_FORBIDDEN_H

#include "engine/plan.h"

/*
 * Of the host's rules, read for the part if they are not there yet. Where the
 * policy wants them replaced, edits are found instead.
 */
int forbidden_check(struct plan *p, const struct part *m);
/* Of a saved ruleset. */
int forbidden_check_in(struct plan *p, const struct foreign *f);

/* Does the rule keep tracking on for a family of the policy? */
bool forbidden_concerns(const struct plan *p, const struct foreign *f,
			const struct foreign_rule *r);

/* The rules that are in the way, one by one; the last ones only counted. */
struct forbidden_said {
	struct plan *p;
	const struct foreign *f;
	enum diag_level level;
	size_t n;
};

int forbidden_say(struct forbidden_said *said, const struct foreign_rule *r,
		  const char *why);
/*
 * Declared objects that may not stay: they turn tracking on by being there,
 * as nft_ct_helper_obj_init() in net/netfilter/nft_ct.c has it.
 */
void forbidden_say_objects(struct forbidden_said *said);
void forbidden_say_end(struct forbidden_said *said);

#endif
