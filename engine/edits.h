/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/edits.h: the host's own rules that stateless ones take the place of,
 * with `state_matching: forbidden` and `existing_rules: replace`.
 *
 * Shape:  of those that a change replaces, `v` says which they are and what
 *         comes, for people to read: not of those that were replaced before.
 * Owner:  edits_release() frees; the plan (`s`) is one of p->host.
 * Errors: -FAULT_CONFLICT: something cannot be replaced, each in a diagnostic;
 *         -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_EDITS_H
#define CTPOLICY_ENGINE_EDITS_H

#include "core/arena.h"
#include "rules/stateless.h"

struct plan;
struct part;

struct edit_shown {
	uint8_t family;			/* NFPROTO_* of the table */
	const char *table, *chain;	/* interned */
	const char *stand_in;		/* chain of ctpolicy's, interned */
	uint32_t position;		/* as people count; 0: none */
	char *rule;
	char *rules;			/* a line for each new one */
	enum stateless_class kind;
	uint32_t admits, loses;
	bool known;			/* an earlier change replaced it */
};

struct edits {
	struct arena arena;
	struct stateless s;
	struct edit_shown *v;
	size_t n, cap;
};

/* Does the policy want the host's rules edited? */
bool edits_are_wanted(const struct plan *p);
/* Does the change put back rules that match states, and are not there now? */
bool edits_are_undone(const struct plan *p);
/* Is any of the host's rules, as it is without ctpolicy, to be replaced? */
bool edits_are_needed(const struct plan *p);
/* What must be done to the host's rules, p->host. */
int edits_find(struct plan *p, const struct part *m);
/* Into what is wanted of the part. */
int edits_put(struct plan *p, struct part *m);
void edits_release(struct edits *e);

#endif
