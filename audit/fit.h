/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/fit.h: what of an accept rule's packets one of the host's rules takes.
 *
 * Shape:  what no match can say may still be asked in the words of the host's
 *         rule (audit/echo.h). A lot is all packets of an accept rule in one
 *         family. A rule of the host's has one branch, or, with a verdict
 *         map, one for each range of it; a map with a name has one more, for
 *         whatever it may hold tomorrow. `tracked`: the branch takes them as
 *         they are while conntrack follows the flow; `untracked`: as they are
 *         once it does not. What the rest of its terms leaves of them is
 *         `match`.
 * Units:  states are NF_CT_STATE_BITs.
 * Owner:  fitting_release(); a lot owns its rule's match.
 * Errors: -ENOMEM.
 * Source: linux/netfilter/nf_conntrack_common.h; tcp flags RFC 9293, RFC 3168.
 */
#ifndef CTPOLICY_AUDIT_FIT_H
#define CTPOLICY_AUDIT_FIT_H

#include "rules/foreign.h"
#include "rules/ruleset.h"

struct lot {
	struct rule rule;		/* of the one family or the other */
	bool syn;			/* the first packets of TCP alone */
	bool precise;			/* miss no rule for one address */
	uint32_t tracked, untracked;	/* states */
};

enum fit {
	FIT_NONE,			/* no packet of the lot */
	FIT_PART,			/* those of fitting.match */
	FIT_ALL,
	FIT_UNSURE,			/* some, that no match can say */
};

struct fitting {
	enum fit fit;
	bool tracked, untracked;
	struct match match;
	struct foreign_outcome verdict;
	bool whole_map;	/* all that a map with a name may say */
	bool plain;	/* asks for no more than protocol, flags and state */
	enum fit rest;	/* `fit`, but for the terms of `echoed` */
	uint64_t echoed; /* 1 << n: term n can be asked in its own words */
};

/* The map that decides, if it has a name and does not ask for states. */
const struct key_set *fit_named_map(const struct foreign *f, uint32_t rule);
uint32_t fit_branches(const struct foreign *f, uint32_t rule);
int fit_branch(const struct foreign *f, uint32_t rule, uint32_t branch,
	       const struct lot *lot, struct fitting *ret);
void fitting_release(struct fitting *x);

#endif
