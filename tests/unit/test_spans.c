/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_spans.c: ranges against sets of bits, and as prefixes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "rules/spans.h"

static bool has(const struct spans *s, unsigned int v)
{
	for (size_t i = 0; i < s->n; i++)
		if (v >= s->v[i].first[0] && v <= s->v[i].last[0])
			return true;
	return false;
}

/* Some ranges of bytes, and which bytes these are. */
static void draw(unsigned int *seed, struct spans *ret, bool in[256])
{
	memset(in, 0, 256 * sizeof(*in));
	ret->width = 1;
	for (int n = rand_r(seed) % 6; n > 0; n--) {
		unsigned int a = (unsigned int)rand_r(seed) % 256;
		unsigned int b = a + (unsigned int)rand_r(seed) % 40;

		b = b > 255 ? 255 : b;
		assert_int_equal(spans_add(ret, &(struct key_range){
			{ (uint8_t)a }, { (uint8_t)b } }), 0);
		for (; a <= b; a++)
			in[a] = true;
	}
	spans_normalize(ret);
}

static void assert_is(const struct spans *s, const bool in[256])
{
	for (unsigned int v = 0; v < 256; v++)
		assert_int_equal(has(s, v), in[v]);
	for (size_t i = 1; i < s->n; i++)
		assert_true(s->v[i].first[0] > s->v[i - 1].last[0] + 1);
}

static void test_sets(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int n = 0; n < 2000; n++) {
		_cleanup_(spans_release) struct spans a = { 0 }, b = { 0 };
		bool x[256], y[256];
		bool cut = n % 2;

		draw(&seed, &a, x);
		draw(&seed, &b, y);
		assert_is(&a, x);
		assert_int_equal(cut ? spans_cut(&a, &b) : spans_keep(&a, &b),
				 0);
		for (unsigned int v = 0; v < 256; v++)
			x[v] = x[v] && y[v] != cut;
		assert_is(&a, x);
	}
}

static void test_fill(void **state)
{
	_cleanup_(spans_release) struct spans all = { 0 }, none = { 0 };

	(void)state;
	none.width = 2;
	assert_int_equal(spans_fill(&all, 2), 0);
	assert_int_equal(spans_cut(&all, &none), 0);
	assert_int_equal(all.n, 1);
	assert_memory_equal(all.v[0].last, "\xff\xff", 2);
	assert_false(spans_equal(&all, &none));
	assert_int_equal(spans_keep(&all, &none), 0);
	assert_int_equal(all.n, 0);
	assert_true(spans_equal(&all, &none));
}

static void test_prefixes(void **state)
{
	_cleanup_(prefix_set_release) struct prefix_set in = { 0 }, out = { 0 };
	_cleanup_(spans_release) struct spans s = { 0 }, all = { 0 };
	struct prefix p;

	(void)state;
	assert_int_equal(prefix_parse("10.0.0.4/30", &p), 0);
	assert_int_equal(prefix_set_add(&in, &p), 0);
	assert_int_equal(prefix_parse("2001:db8::/32", &p), 0);
	assert_int_equal(prefix_set_add(&in, &p), 0);
	assert_int_equal(spans_of_prefixes(&in, AF_INET, &s), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(spans_fill(&all, 4), 0);
	assert_int_equal(spans_cut(&all, &s), 0);
	assert_int_equal(spans_to_prefixes(&all, AF_INET, &out), 0);
	/* one for each bit of the mask */
	assert_int_equal(out.n, 30);
	assert_false(prefix_set_contains(&out, AF_INET,
					 (uint8_t[]){ 10, 0, 0, 5 }));
	assert_true(prefix_set_contains(&out, AF_INET,
					(uint8_t[]){ 10, 0, 0, 8 }));
	assert_true(prefix_set_contains(&out, AF_INET,
					(uint8_t[]){ 255, 255, 255, 255 }));
}

static void test_ports(void **state)
{
	_cleanup_(port_set_release) struct port_set in = { 0 }, out = { 0 };
	_cleanup_(spans_release) struct spans s = { 0 };

	(void)state;
	assert_int_equal(port_set_add(&in, (struct port_range){ 80, 80 }), 0);
	assert_int_equal(port_set_add(&in, (struct port_range){ 1000, 65535 }),
			 0);
	assert_int_equal(spans_of_ports(&in, &s), 0);
	assert_int_equal(spans_to_ports(&s, &out), 0);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.v[1].first, 1000);
	assert_int_equal(out.v[1].last, 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
