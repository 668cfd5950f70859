/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/strbuf.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

static bool reserve(struct strbuf *b, size_t more)
{
	if (b->lost)
		return false;
	if (more > SIZE_MAX - b->n - 1 ||
	    mem_grow(&b->s, &b->cap, b->n + more + 1))
		b->lost = true;
	return !b->lost;
}

void strbuf_add(struct strbuf *b, const char *bytes, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n)
		memcpy(b->s + b->n, bytes, n);
	b->n += n;
	b->s[b->n] = '\0';
}

void strbuf_puts(struct strbuf *b, const char *s)
{
	strbuf_add(b, s, strlen(s));
}

void strbuf_join(struct strbuf *b, const struct strbuf *other)
{
	strbuf_puts(b, strbuf_text(other, &b->lost));
}

void strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		b->lost = true;
	else if (reserve(b, (size_t)n)) {
		vsnprintf(b->s + b->n, (size_t)n + 1, fmt, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(b, fmt, ap);
	va_end(ap);
}

void strbuf_clear(struct strbuf *b)
{
	b->n = 0;
	b->lost = false;
	if (b->s)
		b->s[0] = '\0';
}

void strbuf_release(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf){ 0 };
}

int strbuf_status(const struct strbuf *b)
{
	return b->lost ? -ENOMEM : 0;
}

const char *strbuf_str(const struct strbuf *b)
{
	return b->s ? b->s : "";
}

const char *strbuf_text(const struct strbuf *b, bool *lost)
{
	*lost |= b->lost;
	return strbuf_str(b);
}

char *strbuf_take(struct strbuf *b)
{
	char *s;

	strbuf_add(b, "", 0);
	if (b->lost) {
		strbuf_release(b);
		return NULL;
	}
	s = b->s;
	*b = (struct strbuf){ 0 };
	return s;
}
