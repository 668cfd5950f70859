/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/history.h: a plan's change, written down before it is made.
 *
 *   history_begin -> the kernel is changed and read back -> history_keep
 *                                                          or history_drop
 *
 * Shape:  a plan without a state folder has no history: both do nothing. So
 *         does a plan that carries out what a journal says already
 *         (plan.recovers), until its end.
 * Errors: as in state/state.h, with the reason in p->diags.
 */
#ifndef CTPOLICY_ENGINE_HISTORY_H
#define CTPOLICY_ENGINE_HISTORY_H

#include "engine/plan.h"

/* What is live, and what is wanted, as they now stand in the plan. */
int history_begin(struct plan *p);
/* The change was made and verified. */
int history_keep(struct plan *p);
/*
 * The plan's policy is in force already: the newest record has its words, and
 * those of this boot, from now on. What cannot be written stays as it was.
 */
void history_renew(struct plan *p);
/* It was undone, or never begun. */
int history_drop(struct plan *p);

#endif
