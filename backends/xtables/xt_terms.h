/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_terms.h: the arguments of a rule as terms.
 *
 * Shape:  what stands in the rule's built-in part comes first, then the
 *         matches in their order, then what the target does: the kernel's own
 *         order. Addresses separated by commas, which iptables makes several
 *         rules of, are one term. A match, or an option of one, that is not
 *         understood is an opaque term with the match's name.
 * Errors: -ENOMEM.
 * Source: iptables(8), iptables-extensions(8); net/netfilter/xt_*.c.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_XT_TERMS_H
#define CTPOLICY_BACKENDS_XTABLES_XT_TERMS_H

#include "backends/xtables/ipt_args.h"
#include "rules/foreign.h"

/* Who knows the members of ipsets. */
struct xt_set_source {
	/*
	 * Begin a set for ipset `name`, fill it, and give t its fields. `flags`
	 * says for each field of the set which side to take: "src,dst".
	 */
	int (*fill)(void *arg, struct foreign *f, uint8_t family,
		    const char *name, const char *flags, struct term *t);
	void *arg;
};

/*
 * From a[first] on: terms of the rule added last. family: NFPROTO_IPV4 or
 * NFPROTO_IPV6. sets: NULL: nobody knows any.
 */
int xt_terms_add(struct foreign *f, uint8_t family, const struct ipt_args *a,
		 size_t first, const struct xt_set_source *sets);
/*
 * The words of a VERDICT_WORDS rule, which is the one added last. Sets are
 * those that rules of the host's look up.
 */
int xt_add_words(uint8_t family, const char *words, struct foreign *f);
/* A set whose members nobody knows. */
int xt_terms_unknown_set(struct foreign *f, const char *name,
			 const char *flags, struct term *t);
/*
 * What the kernel's hooks say of a built-in chain; any other one, and those of
 * a table that iptables does not have, are left alone.
 */
void xt_terms_chain(const char *table, struct host_chain *c);

#endif
