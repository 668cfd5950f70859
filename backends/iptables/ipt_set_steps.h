/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_set_steps.h: the ipset part of one phase.
 *
 * A few elements are added to a set in use one by one. Many, or more than it
 * can hold, go into a new set together with what is in it, and the two are
 * swapped: packets see the one or the other, never a set half filled.
 *
 * Errors: as ipset.h.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_SET_STEPS_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_SET_STEPS_H

#include "backends/iptables/ipset.h"
#include "rules/changeset.h"

int ipt_set_steps(struct ipset_link *l, const struct changeset *cs,
		  const struct step *v, size_t n, struct diags *d);

#endif
