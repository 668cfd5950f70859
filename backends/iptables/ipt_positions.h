/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_positions.h: rules that were inserted, put in order.
 *
 * Shape:  before, a chain's rules stand in the order in which they came, and
 *         the handle of rule i is the position, 1 to i + 1, that it got among
 *         those that were there; after, they stand in their places, and the
 *         handles say which.
 * Errors: -ENOMEM: the chain is as it was.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_POSITIONS_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_POSITIONS_H

#include "rules/image.h"

int ipt_positions_settle(struct image_chain *c);

#endif
