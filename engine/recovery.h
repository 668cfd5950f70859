/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/recovery.h: finishing or undoing changes that were interrupted, and
 * rolling back those that were made.
 *
 * Shape:  `what` is the result in one word; `done` is how the commit ended,
 *         with the outcome UNCHANGED where nothing had to be written. A plan
 *         without parts saw no rules.
 * Owner:  recovery_release() frees; what the request names and the state folder
 *         are borrowed.
 * Errors: -errno with the reason in plan.diags, before anything was written;
 *         a failure later is in `done`. -ENOENT, without a diagnostic: there
 *         is no record to go back from.
 */
#ifndef CTPOLICY_ENGINE_RECOVERY_H
#define CTPOLICY_ENGINE_RECOVERY_H

#include "engine/transaction.h"

enum recovered {
	RECOVERED_NOTHING,	/* nothing was interrupted */
	RECOVERED_NEW,		/* the change was complete, and stays */
	RECOVERED_OLD,		/* undone: the previous rules are back */
	RECOVERED_PAST,		/* its rules went with the boot or namespace */
	RECOVERED_WAITS,	/* complete, and on trial */
	RECOVERED_MAX_
};

struct recovery {
	struct request request;	/* of the undo, not of the command */
	struct plan plan;
	struct transaction done;
	struct record record;	/* the change that this is about */
	enum recovered what;
	bool unreadable;	/* its journal or record cannot be used */
	bool in_time;		/* `rollback` came before the trial ended */
};

/*
 * Finish or undo what was interrupted; roll back what was not confirmed in
 * time. While the lock is held nobody else works on either.
 */
int recovery_run(struct recovery *v, const struct request *rq,
		 struct state *state);
/* Roll back one change: to the rules before the newest record. */
int recovery_take_back(struct recovery *v, const struct request *rq,
		       struct state *state);
/* Undo the newest rollback: to the rules that it replaced. */
int recovery_redo(struct recovery *v, const struct request *rq,
		  struct state *state);
/* Are the newest change's rules in force? */
int recovery_check_new(struct recovery *v, const struct request *rq,
		       struct state *state, bool *ret);
/* Did it reach the old or the new rules? */
bool recovery_succeeded(const struct recovery *v);
/* How it was rolled back. */
enum ending recovery_ending(const struct recovery *v);
int recovery_error(const struct recovery *v);	/* -errno of what failed */
/*
 * Open the state folder, ready to change rules, and keep only the capabilities
 * that this takes.
 */
int recovery_open(const struct request *rq, struct state **ret,
		  struct diags *d);
/* recovery_run() before another change: what it says goes to p->diags. */
int recovery_before(struct plan *p, enum recovered *ret);
void recovery_release(struct recovery *v);

/* What waits for a confirmation, and until when. */
struct waiting {
	bool there, expired;
	struct pending pending;
};

int waiting_read(struct state *state, struct waiting *ret, struct diags *d);
/*
 * Whatever version began it: another's has the number 0 where its own cannot be
 * read, and `expired` unless it is on trial for certain.
 */
int waiting_glean(struct state *state, struct waiting *ret, struct diags *d);

#endif
