/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_fix_list.c: what is put around a mapping, or into it. */
#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy_fix_parts.h"

/* Behind the bracket that closes the one at a place, in the same line. */
static size_t close_of(const struct page *t, size_t at)
{
	size_t end = fix_line_end(t, at);
	char quote = '\0';
	int depth = 0;

	for (; at < end; at++) {
		char c = t->s[at];

		if (quote || c == '"' || c == '\'') {
			quote = !quote ? c : quote == c ? '\0' : quote;
			continue;
		}
		depth += c == '[' || c == '{';
		depth -= c == ']' || c == '}';
		if (!depth)
			return at + 1;
	}
	return SIZE_MAX;
}

/* Blank lines and comments belong to the block that goes on behind them. */
static bool is_in_block(const struct page *t, size_t begin, size_t column)
{
	size_t at = fix_skip_spaces(t, begin);

	return at - begin >= column || at == fix_line_end(t, begin) ||
	       t->s[at] == '#';
}

static int enlist_block(const struct page *t, struct edit *e,
			struct strbuf *by)
{
	size_t begin = fix_line_begin(t, e->at), column = e->at - begin, end;

	if (fix_skip_spaces(t, begin) != e->at)
		return -EINVAL;
	for (size_t at = begin; at < t->len; at = end) {
		end = fix_next_line(t, at);
		if (!is_in_block(t, at, column))
			break;
		if (fix_skip_spaces(t, at) != fix_line_end(t, at))
			strbuf_puts(by, at == begin ? "- " : "  ");
		strbuf_add(by, at == begin ? t->s + e->at : t->s + at,
			   at == begin ? end - e->at : end - at);
		e->n = end - e->at;
	}
	return 0;
}

int fix_enlist(const struct page *t, struct edit *e, struct strbuf *by)
{
	size_t end;

	if (t->s[e->at] != '{')
		return enlist_block(t, e, by);
	end = close_of(t, e->at);
	if (end == SIZE_MAX)
		return -EINVAL;
	e->n = end - e->at;
	strbuf_puts(by, "[");
	strbuf_add(by, t->s + e->at, e->n);
	strbuf_puts(by, "]");
	return 0;
}

int fix_beside(const struct page *t, const char *text, struct edit *e,
	       struct strbuf *by)
{
	size_t begin = fix_line_begin(t, e->at);
	size_t key = fix_skip_spaces(t, begin);

	if (!strncmp(t->s + key, "- ", 2))
		key = fix_skip_spaces(t, key + 1);
	e->at += e->n;
	e->n = 0;
	if (fix_in_flow(t, e->at))
		strbuf_printf(by, ", %s", text);
	else
		strbuf_printf(by, "\n%*s%s", (int)(key - begin), "", text);
	return 0;
}
