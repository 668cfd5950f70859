/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/transaction.h: commit a plan's changes, read back, undo on failure.
 *
 * Shape:  an outcome is a fact; the words and exit codes for it are cli's.
 */
#ifndef CTPOLICY_ENGINE_TRANSACTION_H
#define CTPOLICY_ENGINE_TRANSACTION_H

#include "engine/plan.h"
#include "engine/tracking.h"

enum outcome {
	OUTCOME_UNCHANGED,	/* nothing to do; nothing was written */
	OUTCOME_CHANGED,	/* done, and verified */
	OUTCOME_STALE,		/* the kernel kept moving; nothing done */
	OUTCOME_REFUSED,	/* not even begun: `err` says why */
	OUTCOME_NOT_RECORDED,	/* so it was undone, verified */
	OUTCOME_RESTORED,	/* failed; undone, and verified */
	OUTCOME_NOT_RESTORED,	/* failed, and so did undoing it */
	OUTCOME_MAX_
};

struct transaction {
	enum outcome outcome;
	int err;		/* of what failed; 0 otherwise */
	struct tracking tracking;
	size_t steps;		/* of the change that was made... */
	size_t given_up;	/* ... without these, of which each is said */
};

void transaction_release(struct transaction *t);
/* Are the rules as they were wanted? */
bool transaction_succeeded(const struct transaction *t);

/*
 * p must have been compared. Diagnostics go to p->diags; of a change that was
 * made, its parts keep what the user asked to see. With a state folder
 * (engine/history.h) the change is written down first; where that cannot be
 * done, nothing is.
 */
void transact(struct plan *p, struct transaction *ret);
/* plan_compare(); a difference counts only when it stays for a while. */
int transaction_compare(struct plan *p);

#endif
