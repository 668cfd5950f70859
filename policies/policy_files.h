/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_files.h: the files of one policy, in a single text.
 *
 * A policy of several files is kept, recorded and parsed as one text, which no
 * file can have: it begins with a control character. Each file stands behind a
 * line with its length and name.
 *
 * Shape:  in the order in which they were read; a text of no files stands for
 *         one, whose name is the policy's.
 * Owner:  policy_files_release(). Texts are borrowed, names are interned.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_POLICIES_POLICY_FILES_H
#define CTPOLICY_POLICIES_POLICY_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/diag.h"
#include "core/strbuf.h"

#define POLICY_FILES_MAX 1000

struct policy_files {
	struct diag_source *v;
	size_t n, cap;
};

/* Has it the same text in both? */
bool policy_file_same(const struct diag_source *a, const struct diag_source *b);
int policy_files_split(const char *name, const char *text, size_t len,
		       struct policy_files *ret);
void policy_files_release(struct policy_files *f);
/* What begins like a text of several files is none. */
bool policy_files_many(const char *text, size_t len);
/* Append a file; the name has no line break. */
void policy_files_put(const char *name, const char *text, size_t len,
		      struct strbuf *to);

#endif
