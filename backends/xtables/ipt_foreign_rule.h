/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_foreign_rule.h: a rule's words as the model's.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_FOREIGN_RULE_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_FOREIGN_RULE_H

#include "backends/xtables/xt_terms.h"
#include "rules/foreign.h"

/* A rule at foreign_add_rule()'s position: the words from a[first] on. */
struct ipt_foreign_place {
	uint8_t family;
	uint32_t chain, position, line;
	struct foreign_text raw;
};

int ipt_foreign_add(struct foreign *f, const struct ipt_foreign_place *at,
		    const struct ipt_args *a, size_t first,
		    const struct xt_set_source *sets);
/* "ACCEPT": what the chain's policy is called in the model. */
void ipt_foreign_policy(struct host_chain *c, const char *policy);
/* Words that only IPv6 rules have. */
bool ipt_foreign_is_ipv6(const struct ipt_args *a, size_t first);

#endif
