/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/own_lines.h"

#include <string.h>

#include "core/lines.h"
#include "core/mem.h"
#include "host/conntrack/settings.h"
#include "host/own_files.h"

#define DIGITS "0123456789"

static bool starts(const char *s, size_t n, const char *with)
{
	return n >= strlen(with) && !strncmp(s, with, strlen(with));
}

/* Of the rest of a line. */
static bool is_number(const char *s, size_t n)
{
	return n && strspn(s, DIGITS) >= n;
}

/* "net.netfilter.nf_conntrack_max = 65536", of what a policy may set. */
static bool is_setting(const char *s, size_t n)
{
	static const char is[] = " = ", timeout[] = "_timeout";
	size_t key = strcspn(s, " \n");
	const char *at = strstr(s, timeout);

	return key < n &&
	       ((starts(s, n, CT_PREFIX) && at && at < s + key) ||
		starts(s, n, CT_MAX " ") || starts(s, n, CT_BUCKETS " ")) &&
	       starts(s + key, n - key, is) &&
	       is_number(s + key + strlen(is), n - key - strlen(is));
}

static bool is_ours(const char *s, size_t n, uint32_t line)
{
	size_t option = strlen(OWN_LINE_OPTION);

	return (line == 1 && starts(s, n, OWN_FILE_MARK)) ||
	       (line == 2 && starts(s, n, OWN_FILE_SPACE)) ||
	       starts(s, n, OWN_LINES_END) || starts(s, n, OWN_LINE_RULE) ||
	       (starts(s, n, OWN_LINE_OPTION) &&
		is_number(s + option, n - option)) ||
	       is_setting(s, n);
}

bool own_lines_next(struct own_lines *at, const char *line, size_t len)
{
	size_t n = len && line[len - 1] == '\n' ? len - 1 : len;
	bool ours = !at->over && is_ours(line, n, ++at->n);

	at->over |= ours && starts(line, n, OWN_LINES_END);
	return ours;
}

void own_lines_split(const char *text, struct strbuf *ours,
		     struct strbuf *others)
{
	_cleanup_(strbuf_release) struct strbuf rest = { 0 };
	struct own_lines at = { 0 };
	struct lines_part one;
	size_t next = 0, n = strlen(text);

	while ((one = lines_next(text, n, &next)).n) {
		bool was = at.over;
		bool own = own_lines_next(&at, one.s, one.n);

		if (!own || at.over == was)
			strbuf_add(own ? ours : &rest, one.s, one.n);
	}
	if (rest.lost || strspn(strbuf_str(&rest), " \t\r\n") < rest.n)
		strbuf_join(others, &rest);
}
