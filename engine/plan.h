/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/plan.h: one run of the pipeline, from a policy file to the changes.
 *
 *   load -> generate -> choose a backend -> read the kernel -> lower -> diff
 *
 * From there on all that is done to targets is in its change, part by part.
 *
 * Shape:  fields are filled from top to bottom; each step needs those before.
 * Owner:  plan_release() frees all but what is borrowed: `rq`, names, `state`.
 * Errors: -FAULT_POLICY, -FAULT_INPUT and others of the file's, as
 *         plan_file_fault() has them; -EPERM if capabilities cannot be dropped;
 *         -FAULT_USAGE for an unknown backend; -FAULT_CONFLICT where the host
 *         and the policy do not agree; else as in backends/backend.h. The
 *         reason is in `diags`.
 */
#ifndef CTPOLICY_ENGINE_PLAN_H
#define CTPOLICY_ENGINE_PLAN_H

#include "engine/accepted_by.h"
#include "engine/change.h"
#include "engine/edits.h"
#include "engine/host_rules.h"
#include "engine/request.h"
#include "generators/generate.h"
#include "host/login.h"
#include "policies/policy.h"
#include "state/state.h"

struct plan {
	const struct request *rq;
	struct diags diags;
	const char *file;		/* NULL: no policy (remove) */
	char *text;			/* of several: policy_files.h */
	size_t len;
	FILE *aside;			/* holds it, where it is NULL */
	struct policy *policy;
	struct host_facts facts;	/* NAT: once a backend is chosen */
	struct ruleset *rules;		/* NULL: no rules are wanted */
	struct stands stands;		/* of the accept rules, on this host */
	bool limits_said;		/* ... and what they count */
	bool asks_all;			/* they ask what NOTRACK asked, too */
	struct host_rules host;		/* by which these were placed */
	struct edits edits;		/* of the host's own rules */
	struct accepted_bys accepted;	/* once pre-flight was there */
	struct kept_originals *originals;	/* NULL: not read yet */
	struct state *state;		/* NULL: leaves no trace; borrowed */
	const struct logins *logins;	/* NULL: not looked for; borrowed */
	uint32_t takes_back;		/* the record; 0: not a rollback */
	const struct record *of;	/* that this undoes; NULL: none */
	uint32_t waits;			/* record to be confirmed; 0: none */
	bool compared;			/* once at least */
	bool kept_told;			/* what stays, as `keep` says */
	bool recovers;			/* the journal is about this change */
	bool at_boot;		/* other versions' notes are in nobody's way */
	bool unjournaled;		/* nothing more is written down */
	struct change *read;		/* parts to take; borrowed, or NULL */
	const char *why;		/* why this backend; NULL: was told */
	struct change change;
};

/* `file` may be a folder; NULL: the default, as policy_read() has it. */
int plan_load(struct plan *p, const struct request *rq, const char *file);
/* Of a text that no file holds, which is the plan's from then on. */
int plan_load_text(struct plan *p, const struct request *rq, const char *name,
		   char *text, size_t len);
/*
 * The policy that a change was made by, as it was then, and as it was to be
 * applied then: that is put into the request. Gives up no powers. -ENOENT: it
 * was made by none.
 */
int plan_load_kept(struct plan *p, struct request *rq,
		   const struct record *r);
/* What an error means that a file gave which the user named. */
int plan_file_fault(int err);
/* What the policy may mean for connections of others. */
void plan_note_translation(struct plan *p);
/* The one that was named, by the request or else the policy; NULL: auto. */
const char *plan_backend_name(const struct plan *p);
/*
 * Nothing on the host needs connection tracking: the rules, made again, do
 * without it, too.
 */
int plan_make_stateless(struct plan *p);
/* The rules, made again of what the policy and the facts say by now. */
int plan_make_again(struct plan *p);
/* To write text: the one that was named, else the first in the table. */
int plan_choose_offline(struct plan *p);
/*
 * For this host; opens the backend. Refuses when another one holds our rules.
 */
int plan_choose_live(struct plan *p);
/*
 * Read every part's target (the first time: what choosing has read), lower,
 * diff; again as often as wanted: what was warned of before is not said again.
 */
int plan_compare(struct plan *p);
int plan_compare_part(struct plan *p, struct part *m);
/* What is wanted of a part on this host, or on none (NULL). */
int plan_lower(struct plan *p, struct part *m, const struct survey *host);
void plan_release(struct plan *p);

#endif
