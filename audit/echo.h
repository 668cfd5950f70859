/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/echo.h: what a rule of the host's asks and does, in its own words.
 *
 * An accept rule tells packets apart by protocol, addresses, ports and
 * interfaces. A limit, a mark, a named set or all interfaces but one it cannot
 * hold: there it leads to a chain of its own, whose rule says the rest as the
 * host's rule does.
 *
 * Shape:  words of iptables ("-m limit --limit 5/min -j ACCEPT") in the tables
 *         of iptables, of nft elsewhere ("limit rate 5/minute accept"). They
 *         are found in the text of the rule, and made of its terms.
 * Owner:  words are interned.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_ECHO_H
#define CTPOLICY_AUDIT_ECHO_H

#include "rules/foreign.h"

/* Can the term of this rule be asked in a rule of its own? */
bool echo_can(const struct foreign *f, uint32_t rule, const struct term *t);
/* Do some of a rule's terms count packets, as a limit does? */
bool echo_counts(const struct foreign *f, uint32_t rule);
/*
 * The terms of `echoed` (1 << n: term n) and what the rule does with what they
 * take; `syn`: of the first packets of TCP alone. *ret NULL: there are no words
 * for it.
 */
int echo_words(const struct foreign *f, uint32_t rule, uint64_t echoed,
	       bool syn, const struct foreign_outcome *verdict,
	       const char **ret);

#endif
