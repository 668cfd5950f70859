/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/places.h: at which of the host's rules accept rules have to stand.
 *
 * A service that leaves tracking has to be treated as it was: its untracked
 * packets are accepted where the host accepts them by their state. Later ones
 * and answers beside a rule that accepts ESTABLISHED, first ones beside each
 * rule that accepts NEW, with what else that rule asks, and ICMP errors beside
 * RELATED; ahead of a rule that drops INVALID, where the host comes to accept
 * them right after it. `open` rules stand besides where all is dropped that
 * nothing took, and nowhere else: no rule that means somebody is overruled.
 * Ahead of many rules that do not mean its packets, or only accept them, an
 * accept rule may stand earlier, and share its place with others.
 *
 * Shape:  chains of all hooks, of any priority behind conntrack. Nothing
 *         stands in a chain where nothing drops, nor for packets that the host
 *         accepts whatever their state.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_PLACES_H
#define CTPOLICY_AUDIT_PLACES_H

#include "rules/stands.h"

/* `f`: the host's own rules, with terms, and none of ctpolicy's. */
int places_find(const struct foreign *f, const struct ruleset *rs,
		struct stands *ret);

#endif
