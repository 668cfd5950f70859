/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/format/ci_text.h"

#include <string.h>
#include <unistd.h>

#include "cli/help/id_help.h"
#include "core/mem.h"

/* ---- paths ---- */

/* "/a/b": the last part goes; "": there is none. */
static void drop_last(struct strbuf *b)
{
	while (b->n && b->s[b->n - 1] != '/')
		b->n--;
	b->n -= b->n > 0;
	if (b->s)
		b->s[b->n] = '\0';
}

/* Without ".", ".." and doubled slashes. */
static void add_parts(const char *path, struct strbuf *out)
{
	size_t n;

	for (; *path; path += n + (path[n] == '/')) {
		n = strcspn(path, "/");
		if (!n || (n == 1 && *path == '.'))
			continue;
		if (n == 2 && !strncmp(path, "..", 2)) {
			drop_last(out);
			continue;
		}
		strbuf_puts(out, "/");
		strbuf_add(out, path, n);
	}
}

bool ci_path(const char *file, struct strbuf *out)
{
	_cleanup_free_ char *here = getcwd(NULL, 0);
	_cleanup_(strbuf_release) struct strbuf path = { 0 }, top = { 0 };

	/* standard input has no path */
	if (!here || !strcmp(file, "-")) {
		strbuf_puts(out, file);
		return *file != '/';
	}
	add_parts(here, &top);
	strbuf_puts(&top, "/");
	if (*file != '/')
		add_parts(here, &path);
	add_parts(file, &path);
	out->lost |= top.lost;
	if (strncmp(strbuf_str(&path), strbuf_str(&top), top.n) != 0) {
		strbuf_join(out, &path);
		return false;
	}
	strbuf_puts(out, strbuf_text(&path, &out->lost) + top.n);
	return true;
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~/", c));
}

bool ci_uri(const char *file, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 };
	bool relative = ci_path(file, &path);

	strbuf_puts(out, relative ? "" : "file://");
	for (const char *s = strbuf_str(&path); *s; s++) {
		if (is_unreserved(*s))
			strbuf_add(out, s, 1);
		else
			strbuf_printf(out, "%%%02X", (unsigned char)*s);
	}
	out->lost |= path.lost;
	return relative;
}

void ci_plain(const char *s, struct strbuf *out)
{
	char buf[DIAG_ESCAPED_MAX];
	size_t n = strlen(s), len;

	for (; n; s += len, n -= len) {
		len = diag_printable(s, n);
		if (len) {
			strbuf_add(out, s, len);
			continue;
		}
		len = 1;
		strbuf_puts(out, diag_escaped(*s, buf));
	}
}

/* ---- what, and how many ---- */

const char *ci_meaning(enum diag_id id)
{
	static const char *const levels[] = { "note: ", "warning: " };
	const struct id_help_row *row = id_help_find(diag_id_name(id));

	if (!row)
		return diag_id_name(id);
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (!strncmp(row->meaning, levels[i], strlen(levels[i])))
			return row->meaning + strlen(levels[i]);
	return row->meaning;
}

void ci_count(const struct findings *f, struct strbuf *out)
{
	for (int i = DIAG_LEVEL_MAX_ - 1; i >= 0; i--)
		if (f->of_level[i])
			strbuf_printf(out, "%s%zu %s%s", out->n ? ", " : "",
				      f->of_level[i],
				      diag_level_name((enum diag_level)i),
				      f->of_level[i] == 1 ? "" : "s");
}
