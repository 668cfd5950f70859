/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/boot.h: the part of a change that is lines of the host's files, by
 * which connection tracking would be loaded again: its modules, and saved rules
 * that need them.
 *
 * Shape:  an edit is whole lines `was` of a file that became `is`; edits are
 *         sorted by path and line. An edit is in place where its file holds
 *         `is`; the state of the part is the edits in place, of those that are
 *         `known`: from the state folder, and from the record of a change that
 *         is undone. One whose file has neither text was changed by somebody
 *         since, which is said, and is left alone.
 * Units:  `line` is that of `was` in the file as it was before the edits.
 * Owner:  texts are interned; boot_release().
 * Errors: -FAULT_CONFLICT: a file changed meanwhile. -errno of writing, each
 *         with a diagnostic. A line that is given up stays known. -EINVAL of
 *         boot_parse(): not such a text. -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_BOOT_H
#define CTPOLICY_ENGINE_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/diag.h"
#include "core/strbuf.h"

#define BOOT_TARGET "files"	/* its name in a record */

struct boot_edit {
	const char *path;
	uint32_t line;
	const char *was, *is;
};

struct boot_edits {
	struct boot_edit *v;
	size_t n, cap;
};

/* add: to be made; else to be put back. */
struct boot_step {
	bool add;
	struct boot_edit edit;
};

struct boot_steps {
	struct boot_step *v;
	size_t n, cap;
};

struct boot {
	bool there;			/* the change has this part */
	bool looks, edits;		/* at the host's files; wants edits */
	bool said;			/* what was found there */
	struct boot_edits known, live, want;
	struct boot_edits noted;	/* as the state folder has them */
	struct boot_edits after;	/* of a record that this undoes */
	struct boot_edits before;	/* when the change was begun */
	struct boot_edits given_up;	/* could be neither made nor undone */
	bool yields;			/* back, or at boot: boot_commit() */
	bool begun;			/* `before` is filled */
	struct boot_steps steps;	/* from live to want */
	struct boot_steps made;		/* where the user asked to see them */
};

/* Read what is in place; what leads from there to `want` are the steps. */
int boot_compare(struct boot *b, struct diags *d);
/* Which of the edits are in place now? */
int boot_look(const struct boot_edits *of, struct boot_edits *ret);
/* Why a file cannot be edited. */
const char *boot_reason(int err);
/*
 * A line that cannot be put back keeps no rules in force; nor does one that
 * cannot be edited keep them away on a way back, at boot or from the watcher
 * (`yields`): it is a warning, and given up, with what else its file holds.
 */
int boot_commit(struct boot *b, unsigned int *begun, struct diags *d);
/* A commit was tried: keep what was live before it. */
void boot_remember(struct boot *b, bool keeps_steps);
/* Is in place exactly what the record's change wanted? */
bool boot_is_complete(const struct boot *b);

/* Add a copy where it is missing, in order. */
int boot_add(struct boot_edits *to, const struct boot_edit *e);
int boot_add_all(struct boot_edits *to, const struct boot_edits *from);
bool boot_has(const struct boot_edits *in, const struct boot_edit *e);
bool boot_same(const struct boot_edits *a, const struct boot_edits *b);

/* One line, "edit file /etc/modules:3". */
void boot_print_step(const struct boot_step *s, struct strbuf *out);
const char *boot_action(const struct boot_step *s);	/* "edit" */
void boot_print(const struct boot_edits *e, struct strbuf *out);
int boot_parse(const char *text, size_t len, struct boot_edits *ret);
void boot_edits_release(struct boot_edits *e);
void boot_release(struct boot *b);

#endif
