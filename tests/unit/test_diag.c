/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_diag.c: carets, caps and parts of printed diagnostics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/diag.h"
#include "core/mem.h"
#include "core/strbuf.h"

#define FILE_NAME "p.yaml"

/* What diags_print() makes of one error at line:col in a text. */
static char *print_at(const char *text, size_t len, struct srcpos at)
{
	const struct diag_source src[] = {
		{ NULL, NULL, 0 }, { FILE_NAME, text, len },
	};
	_cleanup_(diags_release) struct diags d = { 0 };
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	at.file = FILE_NAME;
	diag_add(&d, DIAG_ERROR, 0, ID_BAD_PORT, at, "wrong");
	diags_print(&d, src, 2, 0, false, f);
	fclose(f);
	return out;
}

/* The source line and the line with the caret, as they must be. */
static void assert_snippet(const char *text, uint32_t line, uint32_t col,
			   uint32_t len, const char *shown, const char *carets)
{
	struct srcpos at = { .line = line, .col = col, .len = len };
	_cleanup_free_ char *got = print_at(text, strlen(text), at);
	_cleanup_free_ char *want = NULL;

	assert_true(asprintf(&want, FILE_NAME ":%u:%u: error: wrong [CT032]\n"
			     "%5u | %s\n      | %s\n", line, col, line, shown,
			     carets) > 0);
	assert_string_equal(got, want);
}

static void test_carets(void **state)
{
	(void)state;
	assert_snippet("a: b\nc: dd\n", 2, 4, 2, "c: dd", "   ^~");
	assert_snippet("a: b", 1, 4, 1, "a: b", "   ^");
	assert_snippet("a: b\r\nc: d\r\n", 1, 4, 1, "a: b", "   ^");
	/* a tab is as wide as a terminal shows it */
	assert_snippet("\ta: b\n", 1, 2, 1, "        a: b", "        ^");
	assert_snippet("ab\tc\n", 1, 4, 1, "ab      c", "        ^");
	assert_snippet("ab\tc\n", 1, 3, 2, "ab      c", "  ^~~~~~~");
	/* a character is a column, however many bytes it has */
	assert_snippet("\xc3\xa4\xe6\xbc\xa2: x\n", 1, 5, 1,
		       "\xc3\xa4\xe6\xbc\xa2: x", "    ^");
	/* bytes that are no text, and control characters */
	assert_snippet("a\x1b[1m\xff" "b\n", 1, 6, 1, "a?[1m?b", "     ^");
	/* past the end of the line, and an underline that runs over it */
	assert_snippet("ab\n", 1, 9, 1, "ab", "  ^");
	assert_snippet("ab\n", 1, 2, 90, "ab", " ^");
	assert_snippet("\nab\n", 1, 1, 1, "", "^");
	/* no byte order mark in sight */
	assert_snippet("\xef\xbb\xbf" "ab\n", 1, 1, 2, "ab", "^~");
}

static void test_no_snippet(void **state)
{
	static const struct srcpos places[] = {
		{ .line = 3, .col = 1 }, { .line = 2, .col = 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *got = print_at("ab\n", 3, places[i]);

		assert_null(strchr(got, '|'));
	}
}

static void test_long_lines(void **state)
{
	struct srcpos at = { .line = 1, .len = 3 };
	char text[5001];

	(void)state;
	memset(text, 'x', 5000);
	text[5000] = '\0';
	for (at.col = 1; at.col <= 5005; at.col += 7) {
		_cleanup_free_ char *got = print_at(text, 5000, at);
		char *line = strchr(got, '\n') + 1;
		char *caret = strchr(line, '\n') + 1;

		assert_true(caret - line < 130);
		assert_true(strlen(caret) < 130);
		assert_non_null(strchr(caret, '^'));
	}
	/* the caret stands under the very character */
	text[2999] = 'Q';
	at.col = 3000;
	_cleanup_free_ char *got = print_at(text, 5000, at);
	char *line = strchr(got, '\n') + 1;
	char *caret = strchr(line, '\n') + 1;

	assert_int_equal(strchr(line, 'Q') - line, strchr(caret, '^') - caret);
}

static char *print_list(const struct diags *d, size_t max, bool color)
{
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	assert_non_null(f);
	diags_print(d, NULL, 0, max, color, f);
	fclose(f);
	return out;
}

static void test_cap(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_free_ char *got = NULL;

	(void)state;
	for (int i = 0; i < 5; i++)
		diag_add(&d, DIAG_WARNING, 0, ID_UNREADABLE, NOPOS, "w%d", i);
	for (int i = 0; i < 2; i++)
		diag_add(&d, DIAG_ERROR, 0, ID_NOT_A_FILE, NOPOS, "e%d", i);
	assert_int_equal(d.errors, 2);
	assert_int_equal(d.warnings, 5);
	/* errors are shown before warnings are, all in the order found */
	got = print_list(&d, 3, false);
	assert_string_equal(got, "warning: w0 [CT001]\nerror: e0 [CT002]\n"
				 "error: e1 [CT002]\n... and 4 more\n");
}

static void test_parts(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	struct srcpos at = { .file = "a\nb", .line = 2, .col = 3 };
	_cleanup_free_ char *got = NULL, *colored = NULL;

	(void)state;
	diag_help(&d, "of nothing");
	diag_related(&d, at, "to nothing");
	assert_int_equal(d.n, 0);
	assert_int_equal(diag_add(&d, DIAG_ERROR, -7, ID_FILE_TOO_LARGE, at, "%s",
				  "x\033[2J\xff\ty"), -7);
	diag_related(&d, at, "first");
	diag_related(&d, at, "second %d", 2);
	diag_help(&d, "one");
	diag_help(&d, "two");
	got = print_list(&d, 0, false);
	assert_string_equal(got,
			    "a\\nb:2:3: error: x\\x1b[2J\\xff\\ty [CT003]\n"
			    "a\\nb:2:3: note: second 2\n  help: two\n");
	colored = print_list(&d, 0, true);
	assert_non_null(strstr(colored, "\033[1;31merror:\033[0m"));
}

/* A copy says all that the original says. */
static void test_append(void **state)
{
	_cleanup_(diags_release) struct diags from = { .lost = true };
	_cleanup_(diags_release) struct diags to = { 0 };
	struct srcpos at = { FILE_NAME, 2, 1, 1 };

	(void)state;
	diag_add(&to, DIAG_NOTE, 0, ID_PORT_NAME, NOPOS, "before");
	diag_add(&from, DIAG_WARNING, 0, ID_LISTED_TWICE, at, "twice");
	diag_help(&from, "once");
	diag_related(&from, at, "first");
	diags_append(&to, &from);
	diags_release(&from);
	assert_int_equal(to.n, 2);
	assert_int_equal(to.warnings, 1);
	assert_true(to.lost);
	assert_string_equal(to.v[1].help, "once");
	assert_string_equal(to.v[1].related_msg, "first");
	assert_int_equal(to.v[1].related.line, 2);
}

static void test_long_message(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	char text[5001];

	(void)state;
	memset(text, 'x', 5000);
	text[5000] = '\0';
	diag_add(&d, DIAG_ERROR, 0, ID_FILE_TOO_LARGE, NOPOS, "%s", text);
	assert_true(strlen(d.v[0].msg) <= 1000);
	assert_string_equal(d.v[0].msg + strlen(d.v[0].msg) - 4, "x...");
}

/* What a strict reader of UTF-8 would refuse is no character. */
static void test_printable(void **state)
{
	static const struct {
		const char *s;
		size_t len;
	} rows[] = {
		{ "a", 1 }, { "\xc3\xa9", 2 }, { "\xe2\x82\xac", 3 },
		{ "\xf0\x90\x80\x80", 4 }, { "\xed\x9f\xbf", 3 },
		{ "\xee\x80\x80", 3 }, { "\xf4\x8f\xbf\xbf", 4 },
		{ "\x1b", 0 }, { "\x7f", 0 }, { "\xc2\x9b", 0 },
		{ "\xe2\x80\xae", 0 },
		{ "\xc1\xbf", 0 }, { "\xe0\x9f\xbf", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 }, { "\xed\xa0\x80", 0 },
		{ "\xf4\x90\x80\x80", 0 }, { "\xf5\x80\x80\x80", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(diag_printable(rows[i].s, strlen(rows[i].s)),
				 rows[i].len);
}

static void note(struct diags *d, enum diag_level level, uint32_t line,
		 const char *msg)
{
	const struct srcpos at = { .file = "p.yaml", .line = line };

	diag_add(d, level, 0, ID_STATE_FORBIDDEN, at, "%s", msg);
	diag_help(d, "cure");
}

/* What was told before is told once, in whatever order it comes again. */
static void test_repeated(void **state)
{
	static const char *const left[] = { "a", "b", "b", "a", "c", "e" };
	_cleanup_(diags_release) struct diags d = { 0 };

	(void)state;
	note(&d, DIAG_WARNING, 1, "a");
	note(&d, DIAG_WARNING, 1, "b");
	note(&d, DIAG_WARNING, 1, "b");
	note(&d, DIAG_NOTE, 1, "b");
	note(&d, DIAG_ERROR, 1, "e");
	diags_truncate(&d, 3);
	note(&d, DIAG_WARNING, 1, "b");
	note(&d, DIAG_WARNING, 2, "a");
	note(&d, DIAG_WARNING, 1, "c");
	note(&d, DIAG_WARNING, 1, "a");
	note(&d, DIAG_ERROR, 1, "e");
	diags_drop_repeated(&d, 3);
	assert_int_equal(d.n, ARRAY_SIZE(left));
	for (size_t i = 0; i < d.n; i++)
		assert_string_equal(d.v[i].msg, left[i]);
	assert_int_equal(d.warnings, 5);
	assert_int_equal(d.errors, 1);
	/* an error is told again, and what differs in its level stays */
	note(&d, DIAG_ERROR, 1, "e");
	note(&d, DIAG_NOTE, 1, "a");
	diags_drop_repeated(&d, ARRAY_SIZE(left));
	assert_int_equal(d.n, ARRAY_SIZE(left) + 2);
	assert_int_equal(d.errors, 2);
	diags_drop_repeated(&d, 0);
	assert_int_equal(d.n, ARRAY_SIZE(left) + 2);
}

/* What is made of a text that lost something is known to have lost it, too. */
static void test_lost_texts(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_(strbuf_release) struct strbuf whole = { 0 };
	struct strbuf part = { .lost = true }, line = { 0 };
	bool lost = false;

	(void)state;
	strbuf_puts(&whole, "whole");
	assert_string_equal(strbuf_text(&whole, &lost), "whole");
	assert_false(lost);
	diag_add(&d, DIAG_ERROR, 0, ID_LISTED_TWICE, NOPOS, "%s",
		 strbuf_text(&part, &d.lost));
	assert_true(d.lost);
	strbuf_printf(&line, "a %s", strbuf_text(&part, &line.lost));
	assert_int_equal(strbuf_status(&line), -ENOMEM);
	strbuf_join(&whole, &part);
	assert_int_equal(strbuf_status(&whole), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carets),
		cmocka_unit_test(test_no_snippet),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_long_message),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_lost_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
