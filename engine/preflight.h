/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/preflight.h: what a change does to the packets of each service.
 *
 * The host's own rules are walked twice with the same connections: as they are
 * today, tracked, and with what the plan wants in place. A connection that
 * works today must work then; one that a rule of the host's forbids must stay
 * forbidden, and whoever is logged in must be able to go on (engine/guard.h).
 *
 * Shape:  p must have been compared. p->host is used up.
 * Errors: -FAULT_CONFLICT, with a diagnostic for each service and rule that
 *         differ, unless the policy overrides it or `--force` was given; what
 *         read_live() of backends/backend.h says.
 */
#ifndef CTPOLICY_ENGINE_PREFLIGHT_H
#define CTPOLICY_ENGINE_PREFLIGHT_H

#include "engine/plan.h"

int preflight_check(struct plan *p);
/*
 * The same of a text's rules, which p->host holds. What the text does not show
 * is left out: who is logged in, addresses and routes of its host.
 */
int preflight_check_text(struct plan *p);

#endif
