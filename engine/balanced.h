/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/balanced.h: services that IPVS balances, going by conntrack.
 *
 * No rule tells of a virtual service, and untracked packets reach its servers
 * as tracked ones do; but their answers are then nobody's: no rule takes them
 * for ESTABLISHED, and none is masqueraded.
 *
 * Errors: -ENOMEM. -FAULT_CONFLICT: a service has packets of such a one, with a
 *         diagnostic, or a warning where the policy or --force allows it.
 */
#ifndef CTPOLICY_ENGINE_BALANCED_H
#define CTPOLICY_ENGINE_BALANCED_H

#include "engine/plan.h"

int balanced_check(struct plan *p);

#endif
