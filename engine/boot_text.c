/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/boot_text.c: edits as a text, for records and the state folder. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/lines.h"
#include "core/mem.h"
#include "core/words.h"
#include "engine/boot.h"

#define WORD "edit"

/* One a line: "edit PATH LINE WAS IS". */
void boot_print(const struct boot_edits *e, struct strbuf *out)
{
	for (size_t i = 0; i < e->n; i++) {
		strbuf_puts(out, WORD " ");
		words_put(e->v[i].path, out);
		strbuf_printf(out, " %u ", e->v[i].line);
		words_put(e->v[i].was, out);
		strbuf_puts(out, " ");
		words_put(e->v[i].is, out);
		strbuf_puts(out, "\n");
	}
}

static int parse_line(char *s, void *to)
{
	char *word = words_get(&s), *path = word ? words_get(&s) : NULL;
	char *line = path ? words_get(&s) : NULL;
	char *was = line ? words_get(&s) : NULL;
	char *is = was ? words_get(&s) : NULL, *end;
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
