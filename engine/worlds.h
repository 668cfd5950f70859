/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/worlds.h: a host filters in nftables, in iptables, or in both. Which
 * of them a plan writes to, and what in the others stands in its way.
 *
 * Errors: -FAULT_CONFLICT, with a diagnostic: rules that the chosen backend
 *         cannot reach stand in the way, or hold ctpolicy's rules already.
 */
#ifndef CTPOLICY_ENGINE_WORLDS_H
#define CTPOLICY_ENGINE_WORLDS_H

#include "engine/plan.h"

/* Fills backend, why, ctx, live and elsewhere; `name` NULL: auto. */
int worlds_choose(struct plan *p, const char *name);
/*
 * Open and read the backend of this name; NULL: every one, each a part of its
 * own, but for those that the kernel lacks, which hold no rules.
 */
int worlds_open(struct plan *p, const char *name);
/*
 * The same for who only looks: one that cannot be read is left out, with its
 * reason as a warning, and *blind is set.
 */
int worlds_look(struct plan *p, const char *name, bool *blind);
/* -FAULT_USAGE, with the names of those that are built in. */
int worlds_unknown(struct plan *p, const char *name);

#endif
