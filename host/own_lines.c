/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/own_lines.h"

#include <string.h>

#include "core/lines.h"
#include "core/mem.h"
#include "host/conntrack/settings.h"
#include "host/own_files.h"

#define DIGITS "0123456789"

static bool starts(struct lines_part line, const char *with)
{
	size_t n = strlen(with);

	return line.n >= n && !memcmp(line.s, with, n);
}

static struct lines_part behind(struct lines_part line, size_t n)
{
	return (struct lines_part){ line.s + n, line.n - n };
}

static size_t until_blank(struct lines_part line)
{
	size_t n = 0;

	while (n < line.n && line.s[n] != ' ' && line.s[n] != '\n')
		n++;
	return n;
}

static bool is_number(struct lines_part value)
{
	return value.n && strspn(value.s, DIGITS) >= value.n;
}

static bool is_same(struct lines_part a, struct lines_part b)
{
	return a.n == b.n && !memcmp(a.s, b.s, a.n);
}

/* What a line of such a kind sets, and to what, as far as a blank. */
struct setting_of_line {
	struct lines_part key, value;
};

static struct lines_part part_of(const char *s)
{
	return (struct lines_part){ s, strlen(s) };
}

/* "net.netfilter.nf_conntrack_max = 65536", of what a policy may set. */
static bool read_sysctl(struct lines_part line, struct setting_of_line *ret)
{
	static const char is[] = " = ", timeout[] = "_timeout";
	struct lines_part key = { line.s, until_blank(line) };
	struct lines_part rest = behind(line, key.n);

	if (!is_same(key, part_of(CT_MAX)) &&
	    !is_same(key, part_of(CT_BUCKETS)) &&
	    !(starts(key, CT_PREFIX) &&
	      memmem(key.s, key.n, timeout, strlen(timeout))))
		return false;
	if (!starts(rest, is))
		return false;
	*ret = (struct setting_of_line){ key, behind(rest, strlen(is)) };
	return is_number(ret->value);
}

/* Of a line without its newline. */
static bool read_line(struct lines_part line, struct setting_of_line *ret)
{
	if (starts(line, OWN_LINE_RULE)) {
		ret->key = part_of("RUN");
		ret->value = behind(line, strlen(OWN_LINE_RULE));
		ret->value.n = until_blank(ret->value);
		return true;
	}
	if (starts(line, OWN_LINE_OPTION)) {
		ret->key = part_of("hashsize");
		ret->value = behind(line, strlen(OWN_LINE_OPTION));
		return is_number(ret->value);
	}
	return read_sysctl(line, ret);
}

static struct lines_part without_newline(struct lines_part line)
{
	line.n -= line.n && line.s[line.n - 1] == '\n';
	return line;
}

/* The value that is listed for a key; s is NULL: it is not. */
static struct lines_part listed(const struct own_lines *at,
				struct lines_part key)
{
	struct lines_part rest = { at->list, at->list_len };

	while (rest.n) {
		size_t n = until_blank(rest);

		if (n > key.n && rest.s[key.n] == '=' &&
		    !memcmp(rest.s, key.s, key.n))
			return (struct lines_part){ rest.s + key.n + 1,
						    n - key.n - 1 };
		rest = behind(rest, n < rest.n ? n + 1 : n);
	}
	return (struct lines_part){ NULL, 0 };
}

/* Which line above the end is ctpolicy's of those with a key, from 1. */
static uint32_t line_of(const struct own_lines *at, struct lines_part key,
			struct lines_part value)
{
	uint32_t n = 0, first = 0;
	size_t next = 0, len = strlen(at->text);
	struct setting_of_line x;
	struct lines_part one;

	while ((one = lines_next(at->text, len, &next)).n) {
		n++;
		one = without_newline(one);
		if (starts(one, OWN_LINES_END))
			break;
		if (!read_line(one, &x) || !is_same(x.key, key))
			continue;
		if (is_same(x.value, value))
			return n;
		first = first ? first : n;
	}
	return first;
}

static bool is_ours(const struct own_lines *at, struct lines_part line)
{
	struct setting_of_line x;
	struct lines_part value;

	if ((at->n == 1 && starts(line, OWN_FILE_MARK)) ||
	    (at->n == 2 && starts(line, OWN_FILE_SPACE)) ||
	    starts(line, OWN_LINES_END))
		return true;
	if (!read_line(line, &x))
		return false;
	if (!at->list)
		return true;
	value = listed(at, x.key);
	return value.s && line_of(at, x.key, value) == at->n;
}

void own_lines_begin(struct own_lines *at, const char *text)
{
	static const char wrote[] = OWN_LINES_END OWN_LINES_WROTE " ";
	struct lines_part one;
	size_t next = 0, len = strlen(text);

	*at = (struct own_lines){ .text = text };
	while ((one = lines_next(text, len, &next)).n) {
		one = without_newline(one);
		if (!starts(one, OWN_LINES_END))
			continue;
		if (starts(one, wrote)) {
			at->list = one.s + strlen(wrote);
			at->list_len = one.n - strlen(wrote);
		}
		return;
	}
}

bool own_lines_next(struct own_lines *at, const char *line, size_t len)
{
	struct lines_part one = without_newline((struct lines_part){ line,
								     len });
	bool ours;

	at->n++;
	ours = !at->over && is_ours(at, one);
	at->over |= ours && starts(one, OWN_LINES_END);
	return ours;
}

void own_lines_split(const char *text, struct strbuf *ours,
		     struct strbuf *others)
{
	_cleanup_(strbuf_release) struct strbuf rest = { 0 };
	struct own_lines at;
	struct lines_part one;
	size_t next = 0, n = strlen(text);

	own_lines_begin(&at, text);
	while ((one = lines_next(text, n, &next)).n) {
		bool was = at.over;
		bool own = own_lines_next(&at, one.s, one.n);

		if (!own || at.over == was)
			strbuf_add(own ? ours : &rest, one.s, one.n);
	}
	if (rest.lost || strspn(strbuf_str(&rest), " \t\r\n") < rest.n)
		strbuf_join(others, &rest);
}

void own_lines_print(const char *ours, struct strbuf *out)
{
	size_t next = 0, n = strlen(ours);
	struct setting_of_line x;
	struct lines_part one;

	strbuf_puts(out, ours);
	/* A record of an earlier version has it. */
	if (!*ours || strstr(ours, OWN_LINES_END))
		return;
	strbuf_puts(out, OWN_LINES_END OWN_LINES_WROTE);
	while ((one = lines_next(ours, n, &next)).n)
		if (read_line(without_newline(one), &x)) {
			strbuf_puts(out, " ");
			strbuf_add(out, x.key.s, x.key.n);
			strbuf_puts(out, "=");
			strbuf_add(out, x.value.s, x.value.n);
		}
	strbuf_puts(out, "\n");
}
