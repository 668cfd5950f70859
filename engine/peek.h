/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/peek.h: the state folder, for whoever only looks: the one that the
 * plan has open and locked, or the same one opened for reading.
 *
 * Owner:  *own is for state_close(), also after an error; *ret borrows it, or
 *         is p->state.
 * Errors: -ENOMEM; -FAULT_LACKING: it is another version's. What else keeps
 *         anybody from reading it is no error, and gives NULL in *ret, as no
 *         folder does: a look goes on without.
 */
#ifndef CTPOLICY_ENGINE_PEEK_H
#define CTPOLICY_ENGINE_PEEK_H

#include "engine/plan.h"

int peek_open(const struct plan *p, struct state **own, struct state **ret);

#endif
