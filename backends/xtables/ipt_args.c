/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/xtables/ipt_args.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "core/strbuf.h"

static int take(struct ipt_args *a, char *s)
{
	if (mem_grow(&a->v, &a->cap, a->n + 2)) {
		free(s);
		return -ENOMEM;
	}
	a->v[a->n++] = s;
	a->v[a->n] = NULL;
	return 0;
}

int ipt_args_add(struct ipt_args *a, const char *s)
{
	char *copy = strdup(s);

	return copy ? take(a, copy) : -ENOMEM;
}

int ipt_args_addf(struct ipt_args *a, const char *fmt, ...)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	va_list ap;
	char *s;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	s = strbuf_take(&b);
	return s ? take(a, s) : -ENOMEM;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* How much from line[i] on stands for itself. */
static size_t plain_run(const char *line, size_t len, size_t i, bool quoted)
{
	size_t n = 0;

	while (i + n < len && line[i + n] != '"' && line[i + n] != '\\' &&
	       (quoted || !is_blank(line[i + n])))
		n++;
	return n;
}

/* One word from *pos on, unquoted; *pos stands behind it afterwards. */
static int split_word(const char *line, size_t len, size_t *pos,
		      struct strbuf *word)
{
	bool quoted = false;
	size_t i = *pos;

	while (i < len && (quoted || !is_blank(line[i]))) {
		size_t n = plain_run(line, len, i, quoted);

		strbuf_add(word, line + i, n);
		i += n;
		if (i < len && line[i] == '"') {
			quoted = !quoted;
			i++;
		} else if (i < len && line[i] == '\\') {
			/* The next one stands for itself; the last one too. */
			i += i + 1 < len;
			strbuf_add(word, &line[i++], 1);
		}
	}
	*pos = i;
	return quoted ? -EINVAL : strbuf_status(word);
}

uint32_t ipt_column(const char *line, size_t col)
{
	uint32_t chars = 1;

	for (size_t i = 0; i + 1 < col; i++)
		chars += ((unsigned char)line[i] & 0xc0) != 0x80;
	return chars;
}

int ipt_args_split(const char *line, size_t len, struct ipt_args *ret)
{
	size_t i = 0;
	int err;

	while (true) {
		_cleanup_(strbuf_release) struct strbuf word = { 0 };
		size_t start;
		char *s;

		while (i < len && is_blank(line[i]))
			i++;
		if (i == len)
			return 0;
		start = i;
		err = split_word(line, len, &i, &word);
		if (err)
			return err;
		if (mem_grow(&ret->col, &ret->cap_col, ret->n + 1))
			return -ENOMEM;
		ret->col[ret->n] = start + 1;
		s = strbuf_take(&word);
		if (!s || take(ret, s))
			return -ENOMEM;
	}
}

static void quote(const char *s, struct strbuf *out)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789_-.:,/@%+=!*";

	if (*s && s[strspn(s, plain)] == '\0') {
		strbuf_puts(out, s);
		return;
	}
	strbuf_puts(out, "\"");
	for (; *s; s++) {
		if (*s == '"' || *s == '\\' || *s == '\'')
			strbuf_puts(out, "\\");
		strbuf_add(out, s, 1);
	}
	strbuf_puts(out, "\"");
}

void ipt_args_print(const struct ipt_args *a, struct strbuf *out)
{
	for (size_t i = 0; i < a->n; i++) {
		if (i)
			strbuf_puts(out, " ");
		quote(a->v[i], out);
	}
}

bool ipt_args_equal(const struct ipt_args *a, const struct ipt_args *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]))
			return false;
	return true;
}

void ipt_args_release(struct ipt_args *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->v[i]);
	free(a->v);
	free(a->col);
	memset(a, 0, sizeof(*a));
}
