/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_off.c: states of the modules, and what leads between them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "engine/off.h"

#define STATE "module xt_CT \n" \
	      "module nf_conntrack expect_hashsize=64 enable_hooks=N\n" \
	      "sysctl net.netfilter.nf_conntrack_max 77777\n"

static void parse(const char *text, struct items *ret)
{
	assert_int_equal(items_parse(text, strlen(text), ret), 0);
}

static void text_comes_back(void **state)
{
	_cleanup_(items_release) struct items items = { 0 };
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	(void)state;
	parse(STATE, &items);
	assert_int_equal(items.n, 3);
	assert_string_equal(items.v[0].value, "");
	assert_string_equal(items.v[1].value,
			    "expect_hashsize=64 enable_hooks=N");
	items_print(&items, &b);
	assert_string_equal(strbuf_str(&b), STATE);
	parse("", &items);
	assert_int_equal(items.n, 0);
}

static void other_texts_are_refused(void **state)
{
	static const char *const texts[] = {
		"module\n", "module xt_CT\n", "firmware x y\n",
		"module ../x y\n", "module  x\n", "\n",
	};
	_cleanup_(items_release) struct items items = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(items_parse(texts[i], strlen(texts[i]),
					     &items), -EINVAL);
		assert_int_equal(items.n, 0);
	}
}

static void what_holds(void **state)
{
	static const struct {
		const char *live, *want;
		bool holds;
	} cases[] = {
		{ STATE, STATE, true },
		{ STATE "module xt_x \n", STATE, true },
		{ STATE, "", false },
		{ "", "", true },
		{ "", STATE, false },
		{ "module nf_conntrack x=1\nmodule xt_CT \n"
		  "sysctl net.netfilter.nf_conntrack_max 77777\n", STATE,
		  true },
		{ "module nf_conntrack \nmodule xt_CT \n"
		  "sysctl net.netfilter.nf_conntrack_max 1\n", STATE, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(items_release) struct items live = { 0 };
		_cleanup_(items_release) struct items want = { 0 };
		bool is = !cases[i].holds;

		parse(cases[i].live, &live);
		parse(cases[i].want, &want);
		assert_int_equal(off_holds(&live, &want, &is), 0);
		assert_int_equal(is, cases[i].holds);
	}
}

static void steps_have_words(void **state)
{
	static const struct {
		struct item_step s;
		const char *line;
	} cases[] = {
		{ { false, { ITEM_MODULE, "xt_CT", "" } },
		  "unload module xt_CT" },
		{ { true, { ITEM_MODULE, "xt_CT", "" } }, "load module xt_CT" },
		{ { true, { ITEM_SYSCTL, "net.netfilter.x", "5" } },
		  "set sysctl net.netfilter.x = 5" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		item_print_step(&cases[i].s, &b);
		assert_string_equal(strbuf_str(&b), cases[i].line);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_comes_back),
		cmocka_unit_test(other_texts_are_refused),
		cmocka_unit_test(what_holds),
		cmocka_unit_test(steps_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
