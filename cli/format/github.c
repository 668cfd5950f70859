/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/format/github.c: findings as workflow commands of GitHub Actions, which
 * shows them at their lines of a pull request.
 *
 *	::error file=p.yaml,line=4,col=12,endColumn=15,title=CT020::unknown key
 *
 * A step shows ten of each level; more would be dropped without a word.
 *
 * Source: docs.github.com, "Workflow commands for GitHub Actions"; what is
 * escaped, and how: toolkit/packages/core/src/command.ts of GitHub's actions.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/format/ci_text.h"
#include "core/mem.h"

#define SHOWN 10		/* of each level */

static const char *const commands[DIAG_LEVEL_MAX_] = {
	[DIAG_NOTE] = "notice", [DIAG_WARNING] = "warning",
	[DIAG_ERROR] = "error",
};

/* `also`: the characters of ":," that have a meaning here, too. */
static void put_escaped(const char *s, const char *also, struct strbuf *out)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\r' || *s == '\n' || strchr(also, *s))
			strbuf_printf(out, "%%%02X", (unsigned char)*s);
		else
			strbuf_add(out, s, 1);
	}
}

static void put_words(const char *s, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	ci_plain(s, &b);
	put_escaped(strbuf_str(&b), "", out);
	out->lost |= b.lost;
}

/* A name of several lines is one all the same. */
static void put_file(const char *file, struct strbuf *out)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 }, plain = { 0 };
	const char *s;
	size_t n;

	ci_path(file, &path);
	for (s = strbuf_str(&path); *s; s += n + (s[n] != '\0')) {
		_cleanup_free_ char *part = NULL;

		n = strcspn(s, "\r\n");
		part = strndup(s, n);
		if (part)
			ci_plain(part, &plain);
		out->lost |= !part;
		if (s[n])
			strbuf_add(&plain, s + n, 1);
	}
	put_escaped(strbuf_str(&plain), ":,", out);
	out->lost |= path.lost || plain.lost;
}

static void put_place(const struct srcpos *at, struct strbuf *out)
{
	if (!at->file)
		return;
	strbuf_puts(out, "file=");
	put_file(at->file, out);
	if (at->line)
		strbuf_printf(out, ",line=%u", at->line);
	if (at->line && at->col)
		strbuf_printf(out, ",col=%u,endColumn=%u", at->col,
			      at->col + (at->len ? at->len : 1));
	strbuf_puts(out, ",");
}

static int annotate(const struct finding *x)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	strbuf_printf(&b, "::%s ", commands[x->level]);
	put_place(&x->at, &b);
	strbuf_printf(&b, "title=%s::", diag_id_name(x->id));
	put_words(x->msg, &b);
	if (x->help) {
		strbuf_puts(&b, "%0Ahelp: ");
		put_words(x->help, &b);
	}
	if (strbuf_status(&b))
		return -ENOMEM;
	puts(strbuf_str(&b));
	return 0;
}

static int print(const struct findings *f)
{
	size_t shown[DIAG_LEVEL_MAX_] = { 0 }, left = 0;
	int err = 0;

	for (size_t i = 0; !err && i < f->n; i++) {
		if (shown[f->v[i].level]++ < SHOWN)
			err = annotate(&f->v[i]);
		else
			left++;
	}
	if (left)
		printf("ctpolicy %s: %zu more are not annotated: a step has room for %d of each level\n",
		       f->command, left, SHOWN);
	return err;
}

const struct ci_format ci_github = {
	.name = "github",
	.print = print,
};
