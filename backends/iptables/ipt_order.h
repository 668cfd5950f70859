/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_order.h: in which order the rules of a chain stand.
 *
 * A packet looks at a NOTRACK rule for another protocol as well, and in IPv6
 * for its protocol each time: those of one protocol stand together, UDP, whose
 * packets gain least by leaving tracking, TCP, then others; all of loopback
 * behind them, management ahead.
 *
 * Shape:  groups of a fuse, by their numbers. Other rules as they came: which
 *         of them comes first has been thought of (ruleset_normalize()).
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_ORDER_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_ORDER_H

#include "backends/lower/fuse.h"

struct ipt_order {
	struct ipt_turn {
		size_t group;
		unsigned int kind;
	} *v;
	size_t n, cap;
	bool fixed;
};

int ipt_order_add(struct ipt_order *o, const struct fuse *f, size_t group);
void ipt_order_sort(struct ipt_order *o);
void ipt_order_release(struct ipt_order *o);

#endif
