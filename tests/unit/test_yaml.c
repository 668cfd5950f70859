/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_yaml.c: trees and places, with and without runs of plain list
 * items.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "policies/yaml_node.h"
#include "policies/yaml_runs.h"

static void dump(struct ydoc *doc, uint32_t id, struct strbuf *out)
{
	struct srcpos at = ydoc_pos(doc, id);
	uint32_t end = ydoc_after(doc, id), i;

	strbuf_printf(out, "%u:%u+%u ", at.line, at.col, at.len);
	if (ydoc_kind(doc, id) == YNODE_SCALAR) {
		strbuf_printf(out, "%s\n", ydoc_text(doc, id));
		return;
	}
	strbuf_puts(out, ydoc_kind(doc, id) == YNODE_MAP ? "{\n" : "[\n");
	for (i = id + 1; i < end; i = ydoc_after(doc, i))
		dump(doc, i, out);
	strbuf_puts(out, "end\n");
}

static char *tree(const char *text)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_(ydoc_free) struct ydoc *doc = NULL;
	struct strbuf out = { 0 };

	assert_int_equal(ydoc_parse("t", text, strlen(text), &doc, &d), 0);
	assert_int_equal(d.n, 0);
	dump(doc, YNODE_ROOT, &out);
	return strbuf_take(&out);
}

static size_t count_runs(const char *text)
{
	_cleanup_(yruns_release) struct yruns runs = { 0 };

	assert_int_equal(yruns_find(text, strlen(text), &runs), 0);
	return runs.n;
}

/* before, then 100 items, each between `pre` and `post`, then after */
static char *list(const char *before, const char *pre, const char *post,
		  const char *after)
{
	struct strbuf b = { 0 };

	strbuf_puts(&b, before);
	for (int i = 0; i < 100; i++)
		strbuf_printf(&b, "%s10.0.%d.0/24%s", pre, i, post);
	strbuf_puts(&b, after);
	return strbuf_take(&b);
}

/* A comment keeps a line from being part of a run. */
static void test_lines(void **state)
{
	static const char *const ends[][2] = {
		{ "\n", " #\n" }, { "\r\n", " #\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		_cleanup_free_ char *run = list("a: 1\nb:\n", "  - ",
						ends[i][0], "c: 2\n");
		_cleanup_free_ char *none = list("a: 1\nb:\n", "  - ",
						 ends[i][1], "c: 2\n");
		_cleanup_free_ char *got = tree(run), *want = tree(none);

		assert_int_equal(count_runs(run), 1);
		assert_int_equal(count_runs(none), 0);
		assert_string_equal(got, want);
	}
}

static void test_words(void **state)
{
	_cleanup_free_ char *run = list("a: [", "", ",", "x]\nb: 1\n");
	_cleanup_free_ char *got = tree(run);
	_cleanup_(strbuf_release) struct strbuf want = { 0 };
	unsigned int col = 5;

	(void)state;
	assert_int_equal(count_runs(run), 1);
	strbuf_printf(&want, "1:1+1 {\n1:1+1 a\n1:4+%d [\n",
		      (int)(strchr(run, ']') - strchr(run, '[')) + 1);
	for (int i = 0; i < 100; i++) {
		unsigned int len = i < 10 ? 11 : 12;

		strbuf_printf(&want, "1:%u+%u 10.0.%d.0/24\n", col, len, i);
		col += len + 1;
	}
	strbuf_printf(&want, "1:%u+1 x\nend\n2:1+1 b\n2:4+1 1\nend\n", col);
	assert_string_equal(got, strbuf_str(&want));
}

/* What only looks like a run: the tree is what it would be without. */
static void test_no_lists(void **state)
{
	_cleanup_free_ char *block = list("a: |\n", "  - ", "\n", "b: 1\n");
	_cleanup_free_ char *quoted = list("a: \"\n", "  - ", "\n", "  \"\n");
	_cleanup_free_ char *text = list("a: b\n", "  - ", "\n", "c: 1\n");
	_cleanup_free_ char *comment = list("a: 1 # ", "", ",", "\nb: 2\n");
	_cleanup_free_ char *map = list("a: {", "", ",", "}\n");
	_cleanup_free_ char *key = list("? [", "", ",", "x]\n: 1\n");
	char *const texts[] = { block, quoted, text, comment, map };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(diags_release) struct diags d = { 0 };
		_cleanup_(ydoc_free) struct ydoc *doc = NULL;

		assert_int_equal(count_runs(texts[i]), 1);
		assert_int_equal(ydoc_parse("t", texts[i], strlen(texts[i]),
					    &doc, &d), 0);
		assert_int_equal(ydoc_kind(doc, YNODE_ROOT), YNODE_MAP);
		/* the key, and one value that is no list */
		assert_int_not_equal(ydoc_kind(doc, 2), YNODE_LIST);
		assert_int_equal(d.n, 0);
	}
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_(ydoc_free) struct ydoc *doc = NULL;

	assert_int_equal(ydoc_parse("t", key, strlen(key), &doc, &d), 0);
	assert_int_equal(d.errors, 1);
}

/* An error behind a run is where it would be without. */
static void test_error_after_run(void **state)
{
	_cleanup_free_ char *run = list("a:\n", "  - ", "\n", "b: \"\n");
	_cleanup_(diags_release) struct diags d = { 0 };
	struct ydoc *doc = NULL;

	(void)state;
	assert_int_equal(count_runs(run), 1);
	assert_int_equal(ydoc_parse("t", run, strlen(run), &doc, &d), -EINVAL);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].at.line, 102);
	assert_int_equal(d.v[0].at.col, 4);
}

/* Errors found on the way are not reported by both readings. */
static void test_errors_once(void **state)
{
	_cleanup_free_ char *text = list("x: &a 1\nx: 2\na: |\n", "  - ", "\n",
					 "");
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_(ydoc_free) struct ydoc *doc = NULL;

	(void)state;
	assert_int_equal(ydoc_parse("t", text, strlen(text), &doc, &d), 0);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.errors, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_no_lists),
		cmocka_unit_test(test_error_after_run),
		cmocka_unit_test(test_errors_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
