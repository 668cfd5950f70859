/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/needs.h: which of the host's own rules need connection tracking, and
 * why.
 *
 * Shape:  a rule counts once for each feature that it uses. A rule that only
 *         takes packets out of tracking needs none. ctpolicy's own rules
 *         (audit/own.h) don't count.
 * Owner:  state sets are interned.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_NEEDS_H
#define CTPOLICY_AUDIT_NEEDS_H

#include "core/strbuf.h"
#include "rules/foreign.h"

/* How many rules match these states: "ESTABLISHED,RELATED", "!NEW". */
struct needs_states {
	const char *set;
	size_t rules;
};

struct needs {
	size_t rules, needs_ct;
	size_t features[FEATURE_MAX_];
	size_t facts[FACT_MAX_];
	struct needs_states *sets;	/* the most frequent first */
	size_t n_sets, cap_sets;
	struct name_index set_at;	/* while they are counted */
};

int needs_count(const struct foreign *f, struct needs *ret);
void needs_release(struct needs *n);
bool needs_conntrack(const struct foreign_rule *r);
/* Does a rule need tracking for its sake? */
bool needs_feature(enum foreign_feature x);
/* Does it hold a module of connection tracking? NOTRACK does as well. */
bool needs_module(const struct foreign_rule *r, enum foreign_feature *ret);
/* Is it counted on its own, or among "other"? */
bool needs_is_other(enum foreign_feature x);
/* All state matches of a rule: "NEW", "vmap:ESTABLISHED,NEW", "NEW&SNAT". */
void needs_states_print(const struct foreign *f, const struct foreign_rule *r,
			struct strbuf *out);
/* What it does with conntrack, as a phrase: "matches connection states". */
const char *needs_why(enum foreign_feature x);
/* All that it does: "matches connection states: NEW; adds labels". */
void needs_print(const struct foreign *f, const struct foreign_rule *r,
		 const char *between, struct strbuf *out);

#endif
