/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_html.c: text that no page can be broken with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/report/html.h"
#include "core/mem.h"

static void expect(const char *text, const char *wanted)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	html_text(&b, text);
	assert_int_equal(strbuf_status(&b), 0);
	assert_string_equal(strbuf_str(&b), wanted);
}

static void markup_is_escaped(void **state)
{
	(void)state;
	expect("<a b=\"c\" d='e'>&amp;",
	       "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;");
	expect("", "");
	expect("two\nlines", "two\nlines");
}

static void controls_are_spelt(void **state)
{
	(void)state;
	expect("a\tb\rc\033[1m\x7f", "a\\tb\\x0dc\\x1b[1m\\x7f");
	/* a C1 control; the mark that turns text round; one that joins */
	expect("\xc2\x85", "\\xc2\\x85");
	expect("\xe2\x80\xae", "\\xe2\\x80\\xae");
	expect("\xe2\x81\xa6", "\\xe2\\x81\\xa6");
}

static void characters_stay(void **state)
{
	(void)state;
	expect("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7",
	       "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xa7");
	expect("\xef\xbf\xbd", "\xef\xbf\xbd");
	expect("\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbd");
}

static void no_characters_are_spelt(void **state)
{
	(void)state;
	expect("\xff", "\\xff");
	expect("\xc3", "\\xc3");
	expect("\xc3<", "\\xc3&lt;");
	/* longer than need be, of two bytes, three and four */
	expect("\xc0\xbc", "\\xc0\\xbc");
	expect("\xe0\x80\xbc", "\\xe0\\x80\\xbc");
	expect("\xf0\x80\x80\xbc", "\\xf0\\x80\\x80\\xbc");
	/* half a pair, beyond the last one, and two that are none */
	expect("\xed\xa0\x80", "\\xed\\xa0\\x80");
	expect("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	expect("\xef\xbf\xbe", "\\xef\\xbf\\xbe");
	expect("\xef\xbf\xbf", "\\xef\\xbf\\xbf");
}

static void numbers_are_grouped(void **state)
{
	static const struct {
		uint64_t n;
		const char *wanted;
	} cases[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1,000" },
		{ 123456, "123,456" },
		{ UINT64_MAX, "18,446,744,073,709,551,615" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		html_count(&b, cases[i].n);
		assert_string_equal(strbuf_str(&b), cases[i].wanted);
	}
}

static void tables_are_whole(void **state)
{
	static const struct html_column columns[] = {
		{ "name", NULL }, { "size", HTML_NUMBER },
	};
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct html_table t = { .out = &b, .columns = columns, .n = 2 };

	(void)state;
	html_table_begin(&t, "things");
	for (int i = 0; i < 4; i++) {
		html_cell(&t);
		strbuf_printf(&b, "%d", i);
	}
	html_table_end(&t);
	assert_string_equal(strbuf_str(&b),
		"<table>\n<caption>things</caption>\n<thead><tr>"
		"<th scope=\"col\">name</th>"
		"<th scope=\"col\" class=\"n\">size</th></tr></thead>\n<tbody>\n"
		"<tr><th scope=\"row\">0</th>"
		"<td data-label=\"size\" class=\"n\">1</td></tr>\n"
		"<tr><th scope=\"row\">2</th>"
		"<td data-label=\"size\" class=\"n\">3</td></tr>\n"
		"</tbody>\n</table>\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_is_escaped),
		cmocka_unit_test(controls_are_spelt),
		cmocka_unit_test(characters_stay),
		cmocka_unit_test(no_characters_are_spelt),
		cmocka_unit_test(numbers_are_grouped),
		cmocka_unit_test(tables_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
