/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/watch.h: keeps in force what was applied last, for as long as it runs.
 *
 * It looks when the kernel says that nftables rules were written, which says
 * by whom; every now and then where iptables' own tables hold the rules, of
 * which nothing is said; and once a minute for all else. What it puts back is
 * the policy of the newest change, as it was then, by the way that `apply`
 * goes, pre-flight and verifying included. Nothing is put back while a change
 * is on trial, after `remove`, or of what was made before the machine was
 * booted. Whoever removes the rules again and again is not fought, and what
 * fails is not tried all the time (engine/watch_pace.h).
 *
 * Shape:  a look is told of when it says something else than the one before
 *         it, and whenever something was written.
 * Owner:  what is told is borrowed for the call.
 * Errors: watch_run() ends with 0 at SIGTERM or SIGINT; -errno with a
 *         diagnostic in the last thing told: it could not begin.
 */
#ifndef CTPOLICY_ENGINE_WATCH_H
#define CTPOLICY_ENGINE_WATCH_H

#include "engine/transaction.h"
#include "host/rule_events.h"
#include "rules/originals.h"

#define WATCH_SIGHTS(X)							      \
	X(NOTHING, "nothing")	/* nothing was applied by a policy */	      \
	X(PAST, "past")		/* that was before the boot */		      \
	X(TRIAL, "trial")	/* a change is on trial, or unfinished */     \
	X(IN_FORCE, "in_force")						      \
	X(REPAIRED, "repaired")	/* is in force again, verified */	      \
	X(WAITS, "waiting")	/* differs, but not again so soon */	      \
	X(UNKNOWN, "unknown")	/* it cannot be found out */		      \
	X(FAILED, "failed")	/* differs, and could not be put back */

enum watch_sight {
#define X(id, word) WATCH_##id,
	WATCH_SIGHTS(X)
#undef X
	WATCH_MAX_
};

/*
 * Rules that no apply has replaced, of those that match states: a look that
 * could not replace what it found put them on record. They are of one change;
 * an apply has seen what it replaced.
 */
struct watch_fresh {
	struct originals rules;
	uint32_t change;
};

struct watch_look {
	enum watch_sight sight;
	/* Who wrote since the last look, first and last; NULL: not told. */
	const struct rule_event *writer, *last_writer;
	uint32_t change;		/* the newest; 0: none */
	size_t steps;			/* that differ, or were put back */
	struct watch_fresh *fresh;	/* borrowed; lasts for all looks */
	size_t first_replaced;
	size_t left;			/* ... that stay: nothing else lacks */
	unsigned int seconds;		/* to wait, WATCH_WAITS... */
	bool failing;			/* ... because it keeps failing */
	bool tried;			/* to put back what differs */
	uint64_t failures;		/* since it began, this one included */
	struct request request;		/* of the change */
	struct plan plan;		/* its diagnostics are the reasons */
	struct logins logins;		/* that a repair must not cut off */
	struct transaction done;
	int err;
	bool blind;			/* it sees no logins: see `plan` */
	bool quiet;			/* who writes nftables rules paused */
	bool polls;			/* nobody tells of writes to these */
};

typedef void watch_say(const struct watch_look *look, void *arg);

int watch_run(const struct request *rq, watch_say *say, void *arg);
/* One look, and what it puts back; -errno: it failed, or is not known. */
int watch_once(const struct request *rq, watch_say *say, void *arg);
const char *watch_sight_name(enum watch_sight s);

struct watch_seen {
	uint64_t digest;
	bool silent;		/* there are tables that nobody tells of */
};

/*
 * engine/watch_glance.c: a digest; while it stays, a look would find what the
 * last one found, but for what is looked at once a minute. Any error: it would
 * not tell.
 */
int watch_glance(const struct request *rq, struct watch_seen *ret);

/* engine/watch_look.c: `mends`: put back what differs. */
void watch_look(struct watch_look *look, const struct request *rq, bool mends);
void watch_look_release(struct watch_look *look);

#endif
