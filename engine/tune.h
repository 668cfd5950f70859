/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/tune.h: the part of a change that is settings of the connection
 * table, its sizes and timeouts, and ctpolicy's files that make them outlive
 * a boot.
 *
 * Shape:  items are sysctls and files. `live` has those that
 *         `want` and `after` list, as far as they are there. Where connection
 *         tracking is not loaded (`absent`) no sysctl is there, none is a step,
 *         and all that are wanted hold. Steps are in the order of writing:
 *         timeouts, then max and buckets so that there are never too few
 *         buckets in between, then files. `was` and `ours` are kept in the
 *         state folder: what a setting was before ctpolicy changed it first,
 *         and what it may be now.
 * Owner:  tune_release().
 * Errors: -errno of reading; of writing, with a diagnostic; -EEXIST: a file
 *         that is not ctpolicy's has the name. -ENOMEM.
 * Source: Documentation/networking/nf_conntrack-sysctl.rst.
 */
#ifndef CTPOLICY_ENGINE_TUNE_H
#define CTPOLICY_ENGINE_TUNE_H

#include "core/diag.h"
#include "engine/items.h"

#define TUNE_TARGET "settings"	/* its name in a record */

struct tune {
	struct beside at;
	bool absent;			/* as read last */
	struct items was, ours;
	const char *space;		/* whose files; "": process 1's */
	bool yields;			/* see tune_commit() */
	bool gave_up;			/* something could not be put back */
	const char *note;		/* the text of both; NULL: not read */
	bool noted;			/* it was written for this change */
};

/* Read what is live; what leads from there to `want` are the steps. */
int tune_compare(struct tune *t);
/* Does everything hold that a list wants? It must be of `want` or `after`. */
bool tune_holds(const struct tune *t, const struct items *list);
/* How many items of the list do not. */
size_t tune_differing(const struct tune *t, const struct items *list);
/*
 * The sysctls; they come before rules that rely on them. On a way back, and at
 * boot (`yields`), one that cannot be written keeps no rules in force, or from
 * being written: it is a warning, and wanted no more.
 */
int tune_commit(struct tune *t, unsigned int *begun, struct diags *d);
/* The files; so it is with each that cannot be removed, or written. */
int tune_commit_files(struct tune *t, unsigned int *begun, struct diags *d);
/* What cannot be written is said, and wanted no more; or `err`. */
int tune_give_up(struct tune *t, const struct item_step *s, int err,
		 struct diags *d);
/* What could not be put back is not looked for there either. */
void tune_forget_before(struct tune *t, const struct tune *back);
void tune_release(struct tune *t);

#endif
