/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_fix_parts.h: what the files share that edit a policy's text.
 *
 * They go by how the text looks, line by line, and may be wrong: whoever calls
 * them reads what came of it (policies/policy_fix.h).
 *
 * Errors: -EINVAL: the text is not laid out so that it can be edited; -ENOMEM.
 */
#ifndef CTPOLICY_POLICIES_POLICY_FIX_PARTS_H
#define CTPOLICY_POLICIES_POLICY_FIX_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/diag.h"
#include "core/strbuf.h"

/* What is edited: `n` bytes from `at` on become `by`. */
struct edit {
	size_t at, n;
};

struct page {
	const char *s;
	size_t len;
};

/* policy_fix_layout.c */
int fix_find(const struct page *t, struct srcpos p, struct edit *ret);
size_t fix_line_begin(const struct page *t, size_t at);
/* Where the line's text ends, ahead of its line feed. */
size_t fix_line_end(const struct page *t, size_t at);
size_t fix_next_line(const struct page *t, size_t at);
size_t fix_skip_spaces(const struct page *t, size_t at);
size_t fix_back_over_spaces(const struct page *t, size_t at);
/* Between brackets or braces of this line, as far as it shows. */
bool fix_in_flow(const struct page *t, size_t at);
/* Where a value or item of a flow ends: at a comma, or what closes it. */
size_t fix_flow_end(const struct page *t, size_t at);
/* Of a key, or of its value: both; the only item of a list is its value. */
int fix_drop(const struct page *t, struct edit *e);
/* An item of a flow's list, that has more of them. */
int fix_drop_item(const struct page *t, struct edit *e);
/* A key of a block, with what is indented below it. */
void fix_drop_in_block(const struct page *t, size_t at,
		       struct edit *e);

/* The text with the edit made, behind what `out` has. */
int fix_replace(const struct page *t, const struct edit *e, const char *by,
		size_t n, struct strbuf *out);

/* policy_fix_list.c: a mapping as the only item of a list. */
int fix_enlist(const struct page *t, struct edit *e, struct strbuf *by);
/* `text`, "key: value", behind the key and value that e is the value of. */
int fix_beside(const struct page *t, const char *text, struct edit *e,
	       struct strbuf *by);

/* policy_fix_split.c: a service as two; `text` is "with\nwithout". */
int fix_split(const struct page *t, const char *text, struct edit *e,
	      struct strbuf *by);

#endif
