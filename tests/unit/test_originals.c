/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_originals.c: the file of rules that were replaced. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "state/originals.h"

static const struct saved_original rules[] = {
	{ "iptables", 2, "filter", "CTPOLICY-INPUT.r00000000", "00ff ACCEPT" },
	{ "iptables", 10, "filter", "CTPOLICY-INPUT.r00000000", "0123 " },
	{ "nftables", 2, "\"t\\", "ctpolicy-x.r1", "a chain's name \" \\ \n" },
};

static void fill(struct saved_originals *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(saved_originals_add(s, &rules[i]), 0);
}

static void they_come_back(void **state)
{
	(void)state;
	for (size_t n = 0; n <= ARRAY_SIZE(rules); n++) {
		_cleanup_(saved_originals_release) struct saved_originals s =
			{ 0 }, back = { 0 };
		_cleanup_(strbuf_release) struct strbuf text = { 0 };

		fill(&s, n);
		assert_int_equal(saved_originals_encode(&s, &text), 0);
		assert_int_equal(saved_originals_decode(strbuf_str(&text),
							text.n, &back), 0);
		assert_int_equal(back.n, n);
		for (size_t i = 0; i < n; i++) {
			assert_string_equal(back.v[i].target, rules[i].target);
			assert_int_equal(back.v[i].family, rules[i].family);
			assert_string_equal(back.v[i].table, rules[i].table);
			assert_string_equal(back.v[i].stand_in,
					    rules[i].stand_in);
			assert_string_equal(back.v[i].text, rules[i].text);
		}
	}
}

/* Cut short anywhere, or with one bit turned over. */
static void damage_is_noticed(void **state)
{
	_cleanup_(saved_originals_release) struct saved_originals s = { 0 };
	_cleanup_(strbuf_release) struct strbuf text = { 0 };

	(void)state;
	fill(&s, ARRAY_SIZE(rules));
	assert_int_equal(saved_originals_encode(&s, &text), 0);
	for (size_t i = 0; i < text.n; i++) {
		struct saved_originals back = { 0 };

		assert_int_equal(saved_originals_decode(text.s, i, &back),
				 -EBADMSG);
		text.s[i] ^= 1;
		assert_int_equal(saved_originals_decode(text.s, text.n, &back),
				 -EBADMSG);
		text.s[i] ^= 1;
		assert_int_equal(back.n, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_come_back),
		cmocka_unit_test(damage_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
