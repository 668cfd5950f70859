/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/guard.h: does this policy lock its author out?
 *
 * The connections by which people are logged in (host/login.h) are played
 * through the host's rules as they are today, and as the plan would leave them:
 * where NOTRACK rules take a login, each of its packets must still get through,
 * those of a new login too.
 *
 * Shape:  a login counts once for each interface by which it may come in: the
 *         one that leads back to the client, if logins pass there today, else
 *         every one where they do.
 * Errors: -ENOMEM. -FAULT_CONFLICT: it does, with a diagnostic that names
 *         service, packets and the rule that would drop them, or a warning
 *         alone with --force.
 */
#ifndef CTPOLICY_ENGINE_GUARD_H
#define CTPOLICY_ENGINE_GUARD_H

#include "audit/judge.h"
#include "engine/plan.h"

/* A login by one interface, and how it fares today. */
struct guarded {
	const struct login *login;
	bool own;			/* the one behind this command */
	const struct rule *takes;	/* the NOTRACK rule */
	struct flow_space space;
	struct flow_sample sample;
	struct judged now;
};

struct guard {
	struct guarded *v;
	size_t n, cap;
};

/* The machine, as far as a packet shows it. */
struct guard_host {
	const struct prefix_set *local;		/* this host's addresses */
	const struct iface_set *devices;	/* without lo */
	enum truth tracking;
};

/* Say whose login could not be found out. */
void guard_note_unknown(struct plan *p);
/* p->logins NULL: nobody is known to be. `w`: of the rules as they are. */
int guard_today(struct plan *p, const struct guard_host *host,
		struct walker *w, struct guard *ret);
/* `w`: of the rules as they would be, which p->host holds. */
int guard_then(struct plan *p, const struct guard_host *host,
	       struct walker *w, const struct guard *g);
void guard_release(struct guard *g);

/*
 * A new login shows that one can still log in: was this `confirm` given over
 * the connection that applied the change? Errors and `force` are as above.
 */
int guard_confirm(const struct logins *l, const struct pending *trial,
		  bool force, struct diags *d);

#endif
