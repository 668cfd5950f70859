/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/words.h"

#include <string.h>

void words_put(const char *s, struct strbuf *out)
{
	for (; *s; s++)
		if (*s > ' ' && *s < 0x7f && *s != '%')
			strbuf_add(out, s, 1);
		else
			strbuf_printf(out, "%%%02x", (unsigned char)*s);
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

char *words_get(char **s)
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
