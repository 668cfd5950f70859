/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_fix_layout.c: where keys and items are in a policy's text. */
#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy_fix_parts.h"

size_t fix_line_begin(const struct page *t, size_t at)
{
	while (at && t->s[at - 1] != '\n')
		at--;
	return at;
}

size_t fix_line_end(const struct page *t, size_t at)
{
	while (at < t->len && t->s[at] != '\n')
		at++;
	return at && at > fix_line_begin(t, at) && t->s[at - 1] == '\r' ?
		       at - 1 : at;
}

size_t fix_next_line(const struct page *t, size_t at)
{
	while (at < t->len && t->s[at] != '\n')
		at++;
	return at < t->len ? at + 1 : at;
}

static size_t characters(const struct page *t, size_t at, size_t n)
{
	for (; n && at < t->len && t->s[at] != '\n'; n--) {
		at++;
		while (at < t->len && ((unsigned char)t->s[at] & 0xc0) == 0x80)
			at++;
	}
	return at;
}

int fix_find(const struct page *t, struct srcpos p, struct edit *ret)
{
	size_t at = 0;

	if (!p.line || !p.col)
		return -EINVAL;
	if (t->len >= 3 && !memcmp(t->s, "\xef\xbb\xbf", 3))
		at = 3;
	for (uint32_t i = 1; i < p.line; i++)
		at = fix_next_line(t, at);
	ret->at = characters(t, at, p.col - 1);
	ret->n = characters(t, ret->at, p.len) - ret->at;
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

size_t fix_skip_spaces(const struct page *t, size_t at)
{
	while (at < t->len && is_space(t->s[at]))
		at++;
	return at;
}

size_t fix_back_over_spaces(const struct page *t, size_t at)
{
	while (at && is_space(t->s[at - 1]))
		at--;
	return at;
}

bool fix_in_flow(const struct page *t, size_t at)
{
	int depth = 0;

	for (size_t i = fix_line_begin(t, at); i < at; i++) {
		depth += t->s[i] == '[' || t->s[i] == '{';
		depth -= t->s[i] == ']' || t->s[i] == '}';
	}
	return depth > 0;
}

size_t fix_flow_end(const struct page *t, size_t at)
{
	size_t end = fix_line_end(t, at);
	char quote = '\0';
	int depth = 0;

	for (; at < end; at++) {
		char c = t->s[at];

		if (quote) {
			quote = c == quote ? '\0' : quote;
			continue;
		}
		if (c == '"' || c == '\'')
			quote = c;
		if (!depth && (c == ',' || c == ']' || c == '}'))
			break;
		depth += c == '[' || c == '{';
		depth -= c == ']' || c == '}';
	}
	return at;
}

/* ---- dropping a key, or an item ---- */

/* From a key, or from its value, to where the key begins. */
static size_t key_begin(const struct page *t, const struct edit *e)
{
	size_t begin = fix_line_begin(t, e->at), at = e->at;
	size_t behind = fix_skip_spaces(t, e->at + e->n);

	if (behind < t->len && t->s[behind] == ':')
		return e->at;
	at = fix_back_over_spaces(t, at);
	if (at == begin || t->s[at - 1] != ':')
		return SIZE_MAX;
	at = fix_back_over_spaces(t, at - 1);
	while (at > begin && !is_space(t->s[at - 1]) &&
	       !strchr("{[,", t->s[at - 1]))
		at--;
	return at;
}

/* The only item of a list is all of its value. */
static void widen(const struct page *t, struct edit *e)
{
	size_t at = fix_back_over_spaces(t, e->at);
	size_t end = fix_skip_spaces(t, e->at + e->n);

	if (at && t->s[at - 1] == '[' && end < t->len && t->s[end] == ']') {
		e->at = at - 1;
		e->n = end + 1 - e->at;
	}
}

static void drop_in_flow(const struct page *t, size_t at, struct edit *e)
{
	size_t end = fix_flow_end(t, at);

	e->at = at;
	if (end < t->len && t->s[end] == ',') {
		end = fix_skip_spaces(t, end + 1);
	} else {
		e->at = fix_back_over_spaces(t, at);
		if (e->at && t->s[e->at - 1] == ',')
			e->at--;
	}
	e->n = end - e->at;
}

void fix_drop_in_block(const struct page *t, size_t at, struct edit *e)
{
	size_t begin = fix_line_begin(t, at), column = at - begin;
	size_t end = fix_next_line(t, at);

	while (end < t->len) {
		size_t first = fix_skip_spaces(t, end);
		bool blank = first >= t->len || t->s[first] == '\n';

		if (!blank && first - end <= column)
			break;
		end = fix_next_line(t, end);
	}
	/* "- key:": the next key comes behind the dash. */
	e->at = fix_back_over_spaces(t, at) == begin ? begin : at;
	if (e->at == at)
		end = fix_skip_spaces(t, end);
	e->n = end - e->at;
}

int fix_drop_item(const struct page *t, struct edit *e)
{
	size_t before = fix_back_over_spaces(t, e->at);
	const struct edit was = *e;

	if (!fix_in_flow(t, e->at) || !before || !strchr("[,", t->s[before - 1]))
		return -EINVAL;
	widen(t, e);
	if (e->at != was.at)
		return -EINVAL;
	drop_in_flow(t, e->at, e);
	return 0;
}

int fix_drop(const struct page *t, struct edit *e)
{
	size_t at;

	widen(t, e);
	at = key_begin(t, e);
	if (at == SIZE_MAX)
		return fix_drop_item(t, e);
	if (fix_in_flow(t, at))
		drop_in_flow(t, at, e);
	else
		fix_drop_in_block(t, at, e);
	return 0;
}

int fix_replace(const struct page *t, const struct edit *e, const char *by,
		size_t n, struct strbuf *out)
{
	strbuf_add(out, t->s, e->at);
	strbuf_add(out, by, n);
	strbuf_add(out, t->s + e->at + e->n, t->len - e->at - e->n);
	return strbuf_status(out);
}
