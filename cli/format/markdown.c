/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/format/markdown.c: findings for people, as a comment of a pull request
 * or the summary of a job: a heading, a table, and the rest folded.
 *
 * Shape:  whatever a name holds, a cell stays a cell, and nothing in it is
 *         markup, a link or somebody's name that would be told of it. A
 *         comment has room for 65,536 characters; rows and cells are bounded.
 * Source: GitHub Flavored Markdown Spec: 2.4 "Backslash escapes", 4.10 "Tables",
 *         6.3 "Code spans"; GitLab reads the same.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/format/ci_text.h"
#include "core/mem.h"

#define ROWS_SHOWN 50
#define CELL_SHOWN 300		/* bytes */

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
	       strchr(" ,;", c);
}

/*
 * '@' and '#' begin mentions and references, escaped or not, unless a space of
 * no width comes next.
 */
static void put_prose(const char *s, size_t n)
{
	for (; n; s++, n--) {
		if (*s == '@' || *s == '#')
			printf("%c&#8203;", *s);
		else if (is_word(*s))
			putchar(*s);
		else
			printf("\\%c", *s);
	}
}

/* Between more backticks than there are in it. */
static void put_code(const char *s, size_t n)
{
	size_t longest = 0, run = 0;

	if (!n)
		return;
	for (size_t i = 0; i < n; i++) {
		run = s[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	for (size_t i = 0; i <= longest; i++)
		putchar('`');
	fputs(longest ? " " : "", stdout);
	for (size_t i = 0; i < n; i++) {
		fputs(s[i] == '|' ? "\\" : "", stdout);
		putchar(s[i]);
	}
	fputs(longest ? " " : "", stdout);
	for (size_t i = 0; i <= longest; i++)
		putchar('`');
}

/* Not in the middle of a character. */
static size_t cut(const struct strbuf *b)
{
	size_t n = b->n > CELL_SHOWN ? CELL_SHOWN : b->n;

	while (n && n < b->n && ((unsigned char)b->s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static int put_name(const char *s)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	ci_plain(s, &b);
	put_code(strbuf_str(&b), cut(&b));
	fputs(cut(&b) < b.n ? "\\.\\.\\." : "", stdout);
	return strbuf_status(&b);
}

/* A message: what stands in it between backticks is code. */
static int put_message(const char *text)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const char *s, *end, *tick, *next;

	ci_plain(text, &b);
	s = strbuf_str(&b);
	end = s + cut(&b);
	while ((tick = memchr(s, '`', (size_t)(end - s)))) {
		next = memchr(tick + 1, '`', (size_t)(end - tick - 1));
		if (!next)
			break;
		put_prose(s, (size_t)(tick - s));
		/* backticks of two spans must not meet */
		fputs(tick == s && s > strbuf_str(&b) ? " " : "", stdout);
		put_code(tick + 1, (size_t)(next - tick - 1));
		s = next + 1;
	}
	put_prose(s, (size_t)(end - s));
	fputs(cut(&b) < b.n ? "\\.\\.\\." : "", stdout);
	return strbuf_status(&b);
}

static int put_place(const struct srcpos *at)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!at->file)
		return 0;
	ci_path(at->file, &b);
	if (at->line)
		strbuf_printf(&b, ":%u", at->line);
	if (at->line && at->col)
		strbuf_printf(&b, ":%u", at->col);
	return put_name(strbuf_str(&b)) ? -ENOMEM : strbuf_status(&b);
}

/* ---- findings ---- */

/* Errors first; each level in the order found. */
static const struct finding *next_finding(const struct findings *f,
					  enum diag_level *level, size_t *at)
{
	for (;; *level = (enum diag_level)(*level - 1), *at = 0) {
		for (; *at < f->n; ++*at)
			if (f->v[*at].level == *level)
				return &f->v[(*at)++];
		if (*level == DIAG_NOTE)
			return NULL;
	}
}

static int put_row(const struct finding *x)
{
	int err;

	printf("| %s | ", diag_level_name(x->level));
	err = put_place(&x->at);
	fputs(" | ", stdout);
	err |= put_message(x->msg);
	printf(" | %s |\n", diag_id_name(x->id));
	return err;
}

static int put_help(const struct finding *x)
{
	int err;

	if (!x->help)
		return 0;
	fputs("* ", stdout);
	err = put_place(&x->at);
	fputs(x->at.file ? ": " : "", stdout);
	err |= put_message(x->help);
	putchar('\n');
	return err;
}

static int put_findings(const struct findings *f,
			int (*put)(const struct finding *x))
{
	enum diag_level level = DIAG_ERROR;
	const struct finding *x;
	size_t at = 0, n = 0;
	int err = 0;

	while (n++ < ROWS_SHOWN && (x = next_finding(f, &level, &at)))
		err |= put(x);
	return err;
}

static bool has_help(const struct findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].help)
			return true;
	return false;
}

static int put_table(const struct findings *f)
{
	int err;

	if (!f->n)
		return 0;
	puts("\n| | Where | What | Id |\n| --- | --- | --- | --- |");
	err = put_findings(f, put_row);
	if (f->n > ROWS_SHOWN)
		printf("\n... and %zu more\n", f->n - ROWS_SHOWN);
	if (!has_help(f))
		return err;
	puts("\n<details><summary>What to do</summary>\n");
	err |= put_findings(f, put_help);
	puts("\n</details>");
	return err;
}

/* ---- cases: those that did not pass, and the others folded ---- */

static int put_cases(const struct findings *f, bool passed, size_t *left)
{
	static const char *const words[CASE_END_MAX_] = {
		[CASE_PASSED] = "passed", [CASE_FAILED] = "failed",
		[CASE_SKIPPED] = "not tried", [CASE_ERROR] = "error",
	};
	size_t n = 0;
	int err = 0;

	puts("\n| | Suite | What | |\n| --- | --- | --- | --- |");
	for (size_t i = 0; i < f->n_cases; i++) {
		const struct tried_case *x = &f->cases[i];

		if ((x->end == CASE_PASSED) != passed || n++ >= ROWS_SHOWN)
			continue;
		printf("| %s | ", words[x->end]);
		err |= put_name(x->suite);
		fputs(" | ", stdout);
		err |= put_name(x->name);
		fputs(" | ", stdout);
		if (x->why)
			err |= put_message(x->why);
		puts(" |");
	}
	*left = n > ROWS_SHOWN ? n - ROWS_SHOWN : 0;
	return err;
}

static void put_left(size_t left)
{
	if (left)
		printf("\n... and %zu more\n", left);
}

static int put_all_cases(const struct findings *f)
{
	size_t passed = f->of_end[CASE_PASSED], left;
	int err = 0;

	if (passed < f->n_cases) {
		err |= put_cases(f, false, &left);
		put_left(left);
	}
	if (!passed)
		return err;
	printf("\n<details><summary>%zu passed</summary>\n", passed);
	err |= put_cases(f, true, &left);
	put_left(left);
	puts("\n</details>");
	return err;
}

static int print(const struct findings *f)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err;

	ci_count(f, &b);
	printf("### ctpolicy %s: %s\n\n", f->command,
	       b.n ? strbuf_str(&b) : "nothing found");
	if (f->n_cases)
		printf("%zu of %zu passed\n", f->of_end[CASE_PASSED],
		       f->n_cases);
	err = put_table(f);
	err |= put_all_cases(f);
	return err || strbuf_status(&b) ? -ENOMEM : 0;
}

const struct ci_format ci_markdown = {
	.name = "markdown",
	.print = print,
};
