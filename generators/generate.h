/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * generators/generate.h: policy in, ruleset out; nothing else is looked at.
 *
 * Shape:  a table of pure functions, each of which appends to one ruleset.
 *         The result is normalized.
 * Owner:  the ruleset borrows origins from the policy.
 * Errors: of generate(), -ENOMEM only: what this version cannot give was
 *         refused when the policy was checked. Warnings go to `d`.
 */
#ifndef CTPOLICY_GENERATORS_GENERATE_H
#define CTPOLICY_GENERATORS_GENERATE_H

#include "core/diag.h"
#include "policies/policy.h"
#include "rules/ruleset.h"

/*
 * Facts that rules and warnings depend on. Default: nothing is known, and the
 * kernel's own defaults hold, so that a render on another machine says the
 * same (32768-60999: Documentation/networking/ip-sysctl.rst,
 * ip_local_port_range).
 */
struct host_facts {
	struct port_range ephemeral;
	uint64_t memory;		/* bytes of RAM; 0: not known */
	bool whole;	/* all rules of the host can be read */
	bool idle;	/* no rule of the host needs connection tracking */
	bool sends_untracked;	/* ... with addresses of others: IPVS, VRF */
};

extern const struct host_facts host_facts_default;

int generate(const struct policy *p, const struct host_facts *facts,
	     struct ruleset **ret, struct diags *d);

/* What the policy may mean for connections of others, and all, as notes. */
void translation_note(const struct policy *p, const struct host_facts *facts,
		      struct diags *d);

#endif
