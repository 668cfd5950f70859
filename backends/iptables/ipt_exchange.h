/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_exchange.h: a rule of the host's for a jump to what
 * stands in for it, and back, in an open table.
 *
 * Errors: -FAULT_CONFLICT with a diagnostic: the rule is not in the chain any
 *         more, or what it was is not known; else of libiptc.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_EXCHANGE_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_EXCHANGE_H

#include "backends/iptables/ipt_legacy.h"
#include "backends/iptables/ipt_mirror.h"
#include "rules/changeset.h"

/*
 * The step adds the jump `entry`, in place of its rule's original; alone, where
 * that went with the chain that it leads to.
 */
int ipt_exchange(struct ipt_legacy *t, struct ipt_mirror *m,
		 const struct step *s, const void *entry, struct diags *d);
/*
 * The step takes out the jump at `at`: the original takes its place, unless it
 * leads to a chain that is gone.
 */
int ipt_put_back(struct ipt_legacy *t, struct ipt_mirror *m,
		 const struct step *s, size_t at, struct diags *d);

#endif
