/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/judge_counts.h: rules with a limit that requests meet behind the first
 * one of a connection.
 *
 * Tracked, all but the first packet pass where the host accepts ESTABLISHED,
 * and a limit behind that counts connections. Untracked, nothing but TCP's
 * flags tells a first packet from others: of other protocols each one counts.
 *
 * Shape:  `there`: not of TCP. Of the rules, those that may decide, the first
 *         few, by number in the model.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_JUDGE_COUNTS_H
#define CTPOLICY_AUDIT_JUDGE_COUNTS_H

#include "audit/judge.h"

#define JUDGED_COUNTERS 4

struct judged_counts {
	bool there;
	uint8_t outcome;		/* enum walk_outcome */
	uint32_t rule[JUDGED_COUNTERS];
	size_t n;
};

/* As judge(). */
int judge_counts(struct walker *w, const struct foreign *f,
		 const struct flow_space *sp, const struct flow_sample *s,
		 enum truth tracking, bool has_entry,
		 struct judged_counts *ret);
/* A limit that counts them `then` and not `now`, where they may be dropped. */
struct harm_found judge_counts_compare(const struct judged_counts *now,
				       const struct judged_counts *then);

#endif
