/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/xt_uses.h: what the arguments of a rule use of conntrack,
 * and where they lead.
 *
 * Shape:  a target that has no row of its own is taken for a chain to jump to:
 *         the words alone do not tell.
 * Errors: -ENOMEM.
 * Source: iptables(8), iptables-extensions(8).
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_XT_USES_H
#define CTPOLICY_BACKENDS_XTABLES_XT_USES_H

#include "backends/xtables/ipt_args.h"
#include "rules/foreign.h"

/* From a[first] on: of the rule added last. */
int xt_uses_add(struct foreign *f, const struct ipt_args *a, size_t first);

#endif
