/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/off_holders.h: what keeps connection tracking in the kernel, by name.
 *
 * Shape:  one error for each: modules that do a job of their own, rules and
 *         chains of the host's, network namespaces, and, where none of these
 *         explains them, modules with their references.
 * Errors: -FAULT_CONFLICT: something does. -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_OFF_HOLDERS_H
#define CTPOLICY_ENGINE_OFF_HOLDERS_H

#include "engine/plan.h"
#include "host/modules.h"

/* `m`: of modules_of_root(). By the modules alone. */
int off_holders_say(const struct modules *m, struct diags *d);
/*
 * Before a change: what would remain when the plan's own rules are gone. Where
 * nothing is loaded, only which programs would load it again.
 */
int off_check(struct plan *p);
/* The same before an undo, as far as its own rules are not what holds it. */
int off_check_back(struct plan *p);

#endif
