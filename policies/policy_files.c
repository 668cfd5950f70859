/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies/policy_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"

#define FILE_MARK '\x1d'	/* ASCII's group separator */

bool policy_files_many(const char *text, size_t len)
{
	return len && *text == FILE_MARK;
}

void policy_files_put(const char *name, const char *text, size_t len,
		      struct strbuf *to)
{
	strbuf_printf(to, "%c%zu %s\n", FILE_MARK, len, name);
	strbuf_add(to, text, len);
}

static int add(struct policy_files *f, const char *name, const char *text,
	       size_t len)
{
	if (!name || mem_grow(&f->v, &f->cap, f->n + 1))
		return -ENOMEM;
	f->v[f->n++] = (struct diag_source){ name, text, len };
	return 0;
}

/* The first file's, or 0 where there is no such thing. */
static size_t take(const char *s, size_t n, struct diag_source *ret)
{
	const char *nl = memchr(s, '\n', n), *name = s + 1;
	size_t len = 0;

	if (*s != FILE_MARK || !nl)
		return 0;
	for (; *name >= '0' && *name <= '9'; name++) {
		len = len * 10 + (size_t)(*name - '0');
		if (len > n)
			return 0;
	}
	if (*name++ != ' ' || len > n - (size_t)(nl + 1 - s) || name >= nl)
		return 0;
	*ret = (struct diag_source){
		intern_n(name, (size_t)(nl - name)), nl + 1, len,
	};
	return (size_t)(nl + 1 - s) + len;
}

bool policy_file_same(const struct diag_source *a, const struct diag_source *b)
{
	return a->len == b->len && !memcmp(a->text, b->text, a->len);
}

int policy_files_split(const char *name, const char *text, size_t len,
		       struct policy_files *ret)
{
	_cleanup_(policy_files_release) struct policy_files f = { 0 };
	size_t at = 0, n = 0;
	int err = 0;

	do {
		struct diag_source one;

		n = at < len ? take(text + at, len - at, &one) : 0;
		at += n;
		if (n)
			err = add(&f, one.file, one.text, one.len);
	} while (!err && n && f.n < POLICY_FILES_MAX);
	/* What is none of several is what it seems to be. */
	if (!err && (at < len || !f.n)) {
		f.n = 0;
		err = add(&f, name, text, len);
	}
	if (err)
		return err;
	*ret = f;
	f = (struct policy_files){ 0 };
	return 0;
}

void policy_files_release(struct policy_files *f)
{
	free(f->v);
	*f = (struct policy_files){ 0 };
}
