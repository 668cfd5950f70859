/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_ends.h: NOTRACK rules behind which a packet leaves the
 * chain.
 *
 * -j CT --notrack is no verdict: a packet that it took out would meet each rule
 * that follows. A rule can go to a chain instead that does the same and from
 * whose end the packet is back where ctpolicy's chain was called.
 *
 * Shape:  the chain is named by own_names_end(); its one rule is words. A rule
 *         that goes there has `ends`, and the chain as its target. Rules that
 *         only one other follows, or none, stay as they are: to go somewhere
 *         costs a packet as much as a rule.
 * Errors: -ENOMEM.
 * Source: ipt_do_table() in net/ipv4/netfilter/ip_tables.c.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_ENDS_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_ENDS_H

#include "rules/image.h"

/* Of the NOTRACK rules in `chain`, which has all it will have. */
int ipt_ends_put(struct image_table *t, const char *chain);

#endif
