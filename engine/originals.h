/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/originals.h: rules of the host's that were replaced, from the disk to
 * the backends and back.
 *
 * Shape:  read when the first backend is opened; each one is told of its own.
 *         Before the kernel hears of a change, those that it replaces are on
 *         disk.
 * Owner:  originals_free(); backends that were told borrow from it.
 * Errors: -ENOMEM; -EIO with a diagnostic.
 */
#ifndef CTPOLICY_ENGINE_ORIGINALS_H
#define CTPOLICY_ENGINE_ORIGINALS_H

#include "backends/backend.h"

struct part;
struct plan;
struct kept_originals;

/* Right after it was opened. */
int originals_tell(struct plan *p, const struct backend *b,
		   struct backend_ctx *ctx);
/*
 * Another version's, at boot, keep no rules away: a warning. -FAULT_LACKING,
 * with a diagnostic: some of the rules stand in for others even now.
 */
int originals_check_version(struct plan *p, const struct part *m);
/* What is wanted, read from a record, does not say what it stands in for. */
void originals_complete(struct plan *p, const struct backend *b,
			struct image *want);
/* Did an earlier change replace the rule that the chain stands in for? */
bool originals_know(const struct plan *p, const struct backend *b,
		    uint8_t family, const char *table, const char *stand_in);
/* What the change replaces, to disk. */
int originals_keep(struct plan *p);
/*
 * Warn of each chain that stands in for a rule of the host's and that nothing
 * leads to any more: somebody deleted the jump, and the rule is gone with it.
 * Not of those whose rule is in its chain again.
 */
int originals_say_lost(struct plan *p, const struct part *m);
/*
 * Warn of each rule that cannot be put back, because a chain, set or object
 * that it names is gone. -FAULT_CONFLICT: the policy wants rules replaced, and
 * what stands in for such a one would go.
 */
int originals_say_lacking(struct plan *p, const struct part *m);
/*
 * -FAULT_CONFLICT, with a diagnostic: a jump of ctpolicy's leads to a chain
 * that somebody renamed, so that nobody knows which rule it stands for.
 */
int originals_say_renamed(struct plan *p, const struct part *m);
void originals_free(struct kept_originals **k);

#endif
