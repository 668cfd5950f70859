/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/boot_text.c: edits as a text, for records and the state folder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/lines.h"
#include "core/mem.h"
#include "engine/boot.h"

#define WORD "edit"

/* Bytes that part words, or that a text had better not hold: "%0a". */
static void put(const char *s, struct strbuf *out)
{
	for (; *s; s++)
		if (*s > ' ' && *s < 0x7f && *s != '%')
			strbuf_add(out, s, 1);
		else
			strbuf_printf(out, "%%%02x", (unsigned char)*s);
}

/* One a line: "edit PATH LINE WAS IS". */
void boot_print(const struct boot_edits *e, struct strbuf *out)
{
	for (size_t i = 0; i < e->n; i++) {
		strbuf_puts(out, WORD " ");
		put(e->v[i].path, out);
		strbuf_printf(out, " %u ", e->v[i].line);
		put(e->v[i].was, out);
		strbuf_puts(out, " ");
		put(e->v[i].is, out);
		strbuf_puts(out, "\n");
	}
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The word that begins here, in place; *s moves behind it. */
static char *get(char **s)
{
	char *word = *s, *to = word;

	while (**s && **s != ' ') {
		int a, b;

		if (**s != '%') {
			*to++ = *(*s)++;
			continue;
		}
		a = digit((*s)[1]);
		b = a < 0 ? -1 : digit((*s)[2]);
		if (b < 0 || !(a | b))
			return NULL;
		*to++ = (char)(a << 4 | b);
		*s += 3;
	}
	if (**s)
		++*s;
	*to = '\0';
	return word;
}

static int parse_line(char *s, void *to)
{
	char *word = get(&s), *path = word ? get(&s) : NULL;
	char *line = path ? get(&s) : NULL, *was = line ? get(&s) : NULL;
	char *is = was ? get(&s) : NULL, *end;
	struct boot_edit e = { 0 };
	unsigned long n;

	if (!is || strcmp(word, WORD) || *path != '/' || !*was || !*is || *s)
		return -EINVAL;
	n = strtoul(line, &end, 10);
	if (*line < '1' || *line > '9' || *end || n > UINT32_MAX)
		return -EINVAL;
	e = (struct boot_edit){
		intern(path), (uint32_t)n, intern(was), intern(is),
	};
	return e.path && e.was && e.is ? boot_add(to, &e) : -ENOMEM;
}

int boot_parse(const char *text, size_t len, struct boot_edits *ret)
{
	_cleanup_(boot_edits_release) struct boot_edits e = { 0 };
	int err = lines_each(text, len, parse_line, &e);

	if (err)
		return err;
	boot_edits_release(ret);
	*ret = e;
	e = (struct boot_edits){ 0 };
	return 0;
}
