/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/diag.h: everything the user will be told, kept as data.
 *
 * Shape:  append-only, in the order found; nothing is printed by diag_add().
 *         `id` comes from the registry, core/diag_ids.h; `help` says the
 *         cure and may be NULL.
 * Units:  line, col and len count from 1; 0 means "no position"; col and len
 *         count bytes as an editor counts columns of UTF-8 characters.
 * Owner:  messages are copied; srcpos.file is borrowed and must outlive the
 *         list.
 * Errors: diag_add() returns its `err`, so that `return diag_add(...)` reports
 *         and fails at once; running out of memory only sets `lost`.
 */
#ifndef CTPOLICY_CORE_DIAG_H
#define CTPOLICY_CORE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/diag_ids.h"

enum diag_level { DIAG_NOTE, DIAG_WARNING, DIAG_ERROR, DIAG_LEVEL_MAX_ };

struct srcpos {
	const char *file;
	uint32_t line, col, len;
};

/*
 * How the mistake is mended, where there is no doubt about it. The text takes
 * the place of `at`, or goes in ahead of it, or as a line of its own ahead of
 * its line, or behind its line. To drop: the key with its value, or the item of
 * a list, that `at` is. To quote: the value, or item, that `at` is in. Whoever
 * writes it looks whether it helps (policies/policy_fix.h).
 */
enum diag_fix {
	FIX_NONE,
	FIX_REPLACE,
	FIX_INSERT,
	FIX_LINE,
	FIX_APPEND,
	FIX_DROP,
	FIX_DROP_LINE,
	FIX_DROP_WORD,
	FIX_DROP_ITEM,		/* but not the last one */
	FIX_DROP_TWIN,		/* the key, if `related` says the same */
	FIX_COMMENT,		/* the key and its value, kept as a comment */
	FIX_RENAME,		/* the text, a dash, and a free number */
	FIX_FIRST,		/* "key: value" as the mapping's first */
	FIX_ALIGN,		/* the line with the keys above */
	FIX_ITEM,		/* all of the item, by the text */
	FIX_SPLIT,		/* a service as two: the protocols of each */
	FIX_ENLIST,		/* a mapping as the only item of a list */
	FIX_BESIDE,		/* "key: value" behind the one that is here */
	FIX_QUOTE,
	FIX_UNTAB,		/* all tabs that indent */
};

struct diag {
	enum diag_level level;
	enum diag_id id;
	struct srcpos at;
	struct srcpos related;	/* e.g. the first definition; line 0: none */
	char *related_msg;	/* "first defined here"; NULL: none */
	char *msg;		/* one sentence, no final newline */
	char *help;		/* the cure; NULL: none */
	enum diag_fix fix;
	char *fix_text;		/* NULL: the fix needs none */
};

struct diags {
	struct diag *v;
	size_t n, cap, errors, warnings;
	bool lost;
};

#define NOPOS ((struct srcpos){ 0 })

int diag_add(struct diags *d, enum diag_level level, int err, enum diag_id id,
	     struct srcpos at, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* All speak of the diagnostic added last; they do nothing on an empty list. */
void diag_help(struct diags *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void diag_related(struct diags *d, struct srcpos at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void diag_mend(struct diags *d, enum diag_fix fix, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *diag_level_name(enum diag_level level);
/*
 * Length of the UTF-8 character at s, which has n bytes left: 1 to 4; 0 when
 * it is no character, or none that may go to a terminal.
 */
size_t diag_printable(const char *s, size_t n);

/* A byte that is not to be shown, as C writes it: \n, \t, \x1b. */
#define DIAG_ESCAPED_MAX 5
const char *diag_escaped(char c, char buf[static DIAG_ESCAPED_MAX]);
/*
 * Print a name or a line that may hold anything; what a terminal should not
 * get is escaped as in C.
 */
void diag_puts(const char *s, FILE *out);

/* A file's text as the caret printer needs it; borrowed. file NULL: none. */
struct diag_source {
	const char *file;
	const char *text;
	size_t len;
};

/* The line of a place, without its end, in its file; NULL: it is not there. */
const char *diag_source_line(const struct diag_source *src, size_t nsrc,
			     const struct srcpos *at, size_t *ret_len);
/*
 * Print as "file:line:col: error: msg [id]", the source line, a caret run, the
 * second place and the help; at most `max` diagnostics (0: all) and those that
 * say that others are not known (CT017), then how many were left out. `src`
 * has nsrc entries matched by file name.
 */
void diags_print(const struct diags *d, const struct diag_source *src,
		 size_t nsrc, size_t max, bool color, FILE *out);
/* Drop what was added after the first n, and correct the counts. */
void diags_truncate(struct diags *d, size_t n);
/*
 * Of notes and warnings behind the first n, drop those that are among the first
 * n already: what is looked at twice is told once. Errors stay.
 */
void diags_drop_repeated(struct diags *d, size_t n);
bool diags_has(const struct diags *d, enum diag_id id);
/* Append one as a warning, with its place in words and its help. */
void diag_soften(struct diags *to, const struct diag *d);
/* Append copies of all, with help and second places; `from` stays as it is. */
void diags_append(struct diags *to, const struct diags *from);
void diags_release(struct diags *d);

#endif
