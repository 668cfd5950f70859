/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_split.h: rules that one ip6tables rule cannot say,
 * as several that it can.
 *
 * Shape:  in the result no rule that IPv6 is in has DST_LOCAL_OR_GROUP.
 * Owner:  the result owns its rules; origins borrow as those of `rs` do.
 *         Settings stay with `rs`.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_SPLIT_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_SPLIT_H

#include "rules/ruleset.h"

int ipt_split(const struct ruleset *rs, struct ruleset *ret);
/* One rule, to the end of `to`. */
int ipt_split_rule(const struct rule *r, struct ruleset *to);

#endif
