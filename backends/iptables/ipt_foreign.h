/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_foreign.h: the host's own rules from the text of
 * iptables-save and ip6tables-save, or the input of iptables-restore.
 *
 * Shape:  strict about lines and tables, tolerant within a rule.
 * Errors: -EINVAL with a diagnostic; -ENOMEM.
 * Source: iptables-restore(8), iptables-extensions(8).
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_FOREIGN_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_FOREIGN_H

#include "backends/xtables/xt_terms.h"
#include "core/diag.h"
#include "rules/foreign.h"

/*
 * Of f->text; f is otherwise empty. The family is the heading's; without one
 * f->family, or IPv6 where a rule says what only IPv6 has, else IPv4.
 */
int ipt_read_foreign(const char *file, struct foreign *f, struct diags *d);

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
