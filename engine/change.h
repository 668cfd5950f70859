/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/change.h: one change, made of a part for each target it concerns.
 *
 * A change has one plan, one record, one verdict and one undo, however many
 * targets (backends, kernel modules, files) it writes to.
 *
 * Shape:  of a part, `changes` leads from `live` to `want`. `before` is what
 *         the target held when the change was begun; `made` and `made_want`
 *         are the change that was made, where the user asked to see it.
 *         While two parts or more have steps, they take turns, so that the
 *         order of phases (rules/changeset.h) holds for all of them together;
 *         a part that is alone is committed as a whole, and a backend that can
 *         makes one transaction of it.
 * Owner:  change_release() frees and closes everything but the names.
 * Errors: -errno as in backends/backend.h, with the reason in the diagnostics.
 */
#ifndef CTPOLICY_ENGINE_CHANGE_H
#define CTPOLICY_ENGINE_CHANGE_H

#include "backends/backend.h"
#include "engine/boot.h"
#include "engine/off.h"
#include "engine/past.h"
#include "engine/tune.h"

struct part {
	const struct backend *backend;
	struct backend_ctx *ctx;	/* NULL: only text is written */
	struct past *past;		/* aims `want`; NULL: it is lowered */
	struct snapshot live;
	struct survey elsewhere;	/* of the others, in part */
	bool lowered;	/* the diagnostics of lowering were reported */
	struct image *want;
	struct changeset *changes;
	size_t steps;			/* of what is committed */
	bool wrote;		/* the last commit made what was wanted */
	struct image *before;
	struct changeset *made;
	struct image *made_want;
	bool said_lost;		/* which stand-ins nothing leads to */
};

struct change {
	struct part *v;
	size_t n, cap;
	struct off off;
	struct tune tune;
	struct boot boot;
};

/* How far a commit got, for whoever must judge its failure. */
struct progress {
	unsigned int begun;	/* enum begun, of all parts */
	size_t done;	/* commits that went through */
};

/* Add an empty part; *ret is valid until the next one is added. */
int change_add(struct change *c, const struct backend *b, struct part **ret);
/* Is there nothing to do? */
bool change_is_empty(const struct change *c);
size_t change_steps(const struct change *c);
/* Those of the backends' parts alone. */
size_t change_rule_steps(const struct change *c);
/*
 * A commit went through: what it gave up, beside the rules, was no step. How
 * many there were of these.
 */
size_t change_drop_given_up(struct change *c);
/*
 * The first part of a backend with steps, else the first; NULL: there is no
 * such part.
 */
const struct part *change_first(const struct change *c);
/* What the first part writes to, "nftables"; "": there is none. */
const char *change_target(const struct change *c);
/* Write all parts' changes, in the order of phases. */
int change_commit(struct change *c, struct progress *ret, struct diags *d);
void part_release(struct part *m);
void change_release(struct change *c);

/*
 * While the kernel resizes a hash set in the background a dump may leave out
 * elements or show them twice (lib/rhashtable.c, rhashtable_walk_start()). So
 * a difference counts only when it is still there after this many pauses.
 */
#define SETTLE_READS 10
void change_settle(void);

#endif
