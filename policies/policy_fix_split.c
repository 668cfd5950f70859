/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policies/policy_fix_split.c: a service as two, of protocols of each kind. */
#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "policies/policy_fix_parts.h"

static size_t indent_of(const struct page *t, size_t begin)
{
	return fix_skip_spaces(t, begin) - begin;
}

static bool begins_item(const struct page *t, size_t begin)
{
	size_t at = fix_skip_spaces(t, begin);

	return at + 1 < t->len && t->s[at] == '-' && t->s[at + 1] == ' ';
}

/* The lines of the item of a block's list that a place is in. */
static int find_item(const struct page *t, size_t at, struct edit *ret)
{
	size_t begin = fix_line_begin(t, at), own = indent_of(t, begin), end;

	while (!begins_item(t, begin) || (indent_of(t, begin) >= own &&
					  fix_line_begin(t, at) != begin)) {
		if (!begin)
			return -EINVAL;
		begin = fix_line_begin(t, begin - 1);
	}
	own = indent_of(t, begin);
	for (end = fix_next_line(t, begin); end < t->len;
	     end = fix_next_line(t, end))
		if (indent_of(t, end) <= own)
			break;
	*ret = (struct edit){ begin, end - begin };
	return 0;
}

/* Where a key is in an item; SIZE_MAX: it has none, or more. */
static size_t find_key(const struct page *t, const char *key)
{
	const char *s = strstr(t->s, key);

	return s && s > t->s && strchr(" {,", s[-1]) &&
		       !strstr(s + 1, key) ? (size_t)(s - t->s) : SIZE_MAX;
}

/* The second one has no ports, and another name. */
static int second(const struct page *item, const struct edit *protocol,
		  const char *protocols, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf a = { 0 }, b = { 0 };
	int err = fix_replace(item, protocol, protocols, strlen(protocols), &a);
	struct page t = { strbuf_str(&a), a.n };
	struct edit e = { find_key(&t, "ports:"), strlen("ports") };

	if (err)
		return err;
	if (e.at != SIZE_MAX) {
		err = fix_drop(&t, &e);
		if (!err)
			err = fix_replace(&t, &e, "", 0, &b);
		t = (struct page){ strbuf_str(&b), b.n };
	}
	e.at = find_key(&t, "name:");
	if (err || e.at == SIZE_MAX)
		return err ? err : -EINVAL;
	e.at = fix_skip_spaces(&t, e.at + strlen("name:"));
	e.at += strcspn(t.s + e.at, " ,}\r\n");
	e.n = 0;
	return fix_replace(&t, &e, "-2", 2, out);
}

/* "with\nwithout" */
int fix_split(const struct page *t, const char *text, struct edit *e,
		 struct strbuf *by)
{
	_cleanup_(strbuf_release) struct strbuf copy = { 0 };
	size_t with = strcspn(text, "\n");
	struct edit item, protocol = *e;
	struct page own;
	int err = find_item(t, e->at, &item);

	if (err)
		return err;
	strbuf_add(&copy, t->s + item.at, item.n);
	own = (struct page){ strbuf_str(&copy), copy.n };
	if (!own.len || own.s[own.len - 1] != '\n')
		return strbuf_status(&copy) ? -ENOMEM : -EINVAL;
	protocol.at -= item.at;
	err = fix_replace(&own, &protocol, text, with, by);
	if (!err)
		err = second(&own, &protocol, text + with + 1, by);
	*e = item;
	return err;
}
