/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/intern.c: one copy of each name. */
#include "core/intern.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "core/strbuf.h"

struct name {
	UT_hash_handle hh;
	char text[];
};

static struct name *pool;

static struct name *find(const char *s, size_t n)
{
	struct name *found;

	HASH_FIND(hh, pool, s, n, found);
	return found;
}

const char *intern_n(const char *s, size_t n)
{
	struct name *i = find(s, n);

	if (i)
		return i->text;
	i = malloc(sizeof(*i) + n + 1);
	if (!i)
		return NULL;
	memset(&i->hh, 0, sizeof(i->hh));
	memcpy(i->text, s, n);
	i->text[n] = '\0';
	HASH_ADD_KEYPTR(hh, pool, i->text, n, i);
	/* HASH_NONFATAL_OOM: it was not added. */
	if (!i->hh.tbl) {
		free(i);
		return NULL;
	}
	return i->text;
}

const char *intern(const char *s)
{
	return intern_n(s, strlen(s));
}

const char *intern_printf(const char *fmt, ...)
{
	struct strbuf b = { 0 };
	const char *name;
	va_list ap;

	va_start(ap, fmt);
	strbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	name = strbuf_status(&b) ? NULL : intern(strbuf_str(&b));
	strbuf_release(&b);
	return name;
}

void intern_forget(void)
{
	struct name *i, *next;

	HASH_ITER(hh, pool, i, next) {
		HASH_DEL(pool, i);
		free(i);
	}
}
