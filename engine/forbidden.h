/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/forbidden.h: `state_matching: forbidden`, and what this host has.
 *
 * A single rule that needs connection tracking, in whatever chain and world,
 * switches it on for its family.
 *
 * Errors: -FAULT_CONFLICT: there are such rules, each in a diagnostic; -ENOMEM
 *         and what reading the rules gives.
 */
#ifndef CTPOLICY_ENGINE_FORBIDDEN_H
#define CTPOLICY_ENGINE_FORBIDDEN_H

#include "engine/plan.h"

/* Of the host's rules, read for the part if they are not there yet. */
int forbidden_check(struct plan *p, const struct part *m);
/* Of a saved ruleset. */
int forbidden_check_in(struct plan *p, const struct foreign *f);

#endif
