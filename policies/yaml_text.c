/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/yaml_text.c: which bytes a file may hold, checked before the YAML
 * parser sees them: it knows neither line nor column of a bad byte, ends lines
 * at more than a line feed, and compares every %TAG directive with all earlier
 * ones.
 */
#include <errno.h>
#include <string.h>

#include "core/diag_ids.h"
#include "policies/yaml_node.h"

struct cursor {
	const char *file;
	const unsigned char *begin, *p, *end;
	uint32_t line, col;
};

static struct srcpos here(const struct cursor *c)
{
	return (struct srcpos){ c->file, c->line, c->col, 1 };
}

/* Decode the character at c->p; its length, or 0 if it is not UTF-8. */
static size_t decode(const struct cursor *c, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = c->p;
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t value;

	if (p[0] < 0xc2 || p[0] > 0xf4 || len > (size_t)(c->end - p))
		return 0;
	value = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (p[i] & 0x3f);
	}
	if (value < least[len] || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	*ret = value;
	return len;
}

/* A byte by itself among ASCII, as Latin 1 has letters. */
static void mend_latin1(const struct cursor *c, struct diags *d)
{
	bool alone = c->p + 1 == c->end || c->p[1] < 0x80;

	if (*c->p >= 0xc0 && alone)
		diag_mend(d, FIX_REPLACE, "%c%c", 0xc0 | *c->p >> 6,
			  0x80 | (*c->p & 0x3f));
}

/* For people alone: in a comment, or in what `why` says. */
static bool is_remark(const struct cursor *c)
{
	static const char why[] = "why:";
	const unsigned char *s = c->p, *line;

	while (s > c->begin && s[-1] != '\n' && *s != '#')
		s--;
	if (*s == '#')
		return s == c->begin || strchr(" \t\n", s[-1]);
	for (line = s; line < c->p && strchr(" \t-", *line); line++)
		;
	return (size_t)(c->p - line) > strlen(why) &&
	       !memcmp(line, why, strlen(why));
}

static int bad_utf8(const struct cursor *c, struct diags *d)
{
	int err = diag_add(d, DIAG_ERROR, -EINVAL, ID_BAD_UTF8, here(c),
			   "byte 0x%02x is not valid UTF-8", *c->p);

	if (c->line == 1 && c->col == 1 && (*c->p == 0xff || *c->p == 0xfe))
		diag_help(d, "this looks like UTF-16: save the file as UTF-8");
	else
		diag_help(d, "save the file as UTF-8");
	if (is_remark(c))
		diag_mend(d, FIX_REPLACE, "_");
	mend_latin1(c, d);
	return err;
}

static int bad_character(const struct cursor *c, uint32_t ch, struct diags *d)
{
	int err;

	if (!ch) {
		err = diag_add(d, DIAG_ERROR, -EINVAL, ID_CONTROL_CHARACTER,
			       here(c), "a NUL byte; a policy is plain text");
		diag_help(d, "is this the right file?");
	} else if (ch == '\r') {
		err = diag_add(d, DIAG_ERROR, -EINVAL, ID_CONTROL_CHARACTER,
			       here(c),
			       "a carriage return without a line feed");
		diag_help(d, "end lines with LF or CRLF");
		diag_mend(d, FIX_REPLACE, " ");
	} else {
		err = diag_add(d, DIAG_ERROR, -EINVAL, ID_CONTROL_CHARACTER,
			       here(c), "character U+%04X is not allowed here",
			       ch);
		diag_help(d, "remove the character");
	}
	/* in a value it may stand for what is lost: 8?0 is not 80 */
	if (ch != '\r' && is_remark(c))
		diag_mend(d, FIX_REPLACE, "%s", "");
	return err;
}

static bool allowed(const struct cursor *c, uint32_t ch)
{
	if (ch < 0x20)
		return ch == '\t' || ch == '\n' ||
		       (ch == '\r' && c->p + 1 < c->end && c->p[1] == '\n');
	if (ch < 0x7f)
		return true;
	/* YAML ends lines at NEL, LS and PS; few editors do. */
	if (ch < 0xa0 || ch == 0x2028 || ch == 0x2029 || ch == 0xfeff)
		return false;
	return ch != 0xfffe && ch != 0xffff;
}

static int check_directive(const struct cursor *c, struct diags *d)
{
	int err;

	if (c->col != 1 || *c->p != '%')
		return 0;
	err = diag_add(d, DIAG_ERROR, -EINVAL, ID_DIRECTIVE, here(c),
		       "YAML directives are not used in policies");
	diag_help(d, "remove this line");
	diag_mend(d, FIX_DROP_LINE, "%s", "");
	return err;
}

/* Skip what needs no second look, which is nearly everything. */
static void skip_plain(struct cursor *c)
{
	const unsigned char *p = c->p;

	while (p < c->end && *p >= ' ' && *p < 0x7f && *p != '%')
		p++;
	c->col += (uint32_t)(p - c->p);
	c->p = p;
}

int ytext_check(const char *file, const char *text, size_t len,
		struct diags *d)
{
	struct cursor c = {
		.file = file,
		.begin = (const unsigned char *)text,
		.p = (const unsigned char *)text,
		.end = (const unsigned char *)text + len,
		.line = 1,
		.col = 1,
	};

	for (skip_plain(&c); c.p < c.end; skip_plain(&c)) {
		uint32_t ch = *c.p;
		size_t n = 1;

		if (ch >= 0x80)
			n = decode(&c, &ch);
		if (!n)
			return bad_utf8(&c, d);
		if (!allowed(&c, ch))
			return bad_character(&c, ch, d);
		if (ch == '%' && check_directive(&c, d))
			return -EINVAL;
		c.p += n;
		c.col++;
		if (ch == '\n') {
			c.line++;
			c.col = 1;
		}
	}
	return 0;
}
