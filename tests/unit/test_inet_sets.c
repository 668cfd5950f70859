/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_inet_sets.c: sets against bits, and from ranges of keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "audit/inet_sets.h"
#include "core/mem.h"

static bool has(const struct port_set *s, unsigned int v)
{
	for (size_t i = 0; i < s->n; i++)
		if (v >= s->v[i].first && v <= s->v[i].last)
			return true;
	return false;
}

/* Some ranges of low ports, and which these are. */
static void draw(unsigned int *seed, struct port_set *ret, bool in[256])
{
	memset(in, 0, 256 * sizeof(*in));
	for (int n = rand_r(seed) % 6; n > 0; n--) {
		unsigned int a = (unsigned int)rand_r(seed) % 256;
		unsigned int b = a + (unsigned int)rand_r(seed) % 40;

		b = b > 255 ? 255 : b;
		assert_int_equal(port_set_add(ret, (struct port_range){
			(uint16_t)a, (uint16_t)b }), 0);
		for (; a <= b; a++)
			in[a] = true;
	}
	ports_join(ret);
}

static void assert_is(const struct port_set *s, const bool in[256])
{
	for (unsigned int v = 0; v < 256; v++)
		assert_int_equal(has(s, v), in[v]);
	for (size_t i = 1; i < s->n; i++)
		assert_true(s->v[i].first > s->v[i - 1].last + 1);
}

static void test_sets(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (int n = 0; n < 2000; n++) {
		_cleanup_(port_set_release) struct port_set a = { 0 },
			b = { 0 }, rest = { 0 }, got = { 0 };
		bool x[256], y[256], within = true;
		bool cut = n % 2;

		draw(&seed, &a, x);
		draw(&seed, &b, y);
		assert_is(&a, x);
		assert_int_equal(ports_complement(&b, &rest), 0);
		assert_int_equal(ports_meet(&a, cut ? &rest : &b, &got), 0);
		for (unsigned int v = 0; v < 256; v++) {
			within &= !x[v] || y[v] != cut;
			x[v] = x[v] && y[v] != cut;
		}
		assert_is(&got, x);
		assert_int_equal(ports_within(&a, cut ? &rest : &b), within);
	}
}

static void test_fill(void **state)
{
	_cleanup_(port_set_release) struct port_set all = { 0 }, got = { 0 };
	static const struct port_set none;

	(void)state;
	assert_int_equal(ports_complement(&none, &all), 0);
	assert_int_equal(all.n, 1);
	assert_int_equal(all.v[0].first, 0);
	assert_int_equal(all.v[0].last, 0xffff);
	assert_int_not_equal(ports_cmp(&all, &none), 0);
	assert_int_equal(ports_meet(&all, &none, &got), 0);
	assert_int_equal(got.n, 0);
	assert_int_equal(ports_cmp(&got, &none), 0);
}

static void test_prefixes(void **state)
{
	_cleanup_(prefix_set_release) struct prefix_set in = { 0 }, out = { 0 };
	static const struct key_range r[] = {
		{ { 10, 0, 0, 4 }, { 10, 0, 0, 7 } },
	};

	(void)state;
	assert_int_equal(prefixes_of_keys(r, 1, 1, AF_INET, NULL, &in), 0);
	assert_int_equal(in.n, 1);
	assert_int_equal(prefix_set_at(&in, 0).len, 30);
	assert_int_equal(prefixes_complement(&in, AF_INET, &out), 0);
	/* one for each bit of the mask */
	assert_int_equal(out.n, 30);
	assert_false(prefix_set_contains(&out, AF_INET,
					 (uint8_t[]){ 10, 0, 0, 5 }));
	assert_true(prefix_set_contains(&out, AF_INET,
					(uint8_t[]){ 10, 0, 0, 8 }));
	assert_true(prefix_set_contains(&out, AF_INET,
					(uint8_t[]){ 255, 255, 255, 255 }));
}

/* The mask of a network makes one of its first address. */
static void test_masked(void **state)
{
	_cleanup_(prefix_set_release) struct prefix_set in = { 0 };
	static const struct key_range r[] = {
		{ { 10, 1 }, { 10, 1 } }, { { 9 }, { 9 } },
		{ { 10, 2 }, { 10, 2 } },
	};
	static const uint8_t mask[] = { 255, 255, 0, 0 };

	(void)state;
	/* every second one: of a key of two fields */
	assert_int_equal(prefixes_of_keys(r, 2, 2, AF_INET, mask, &in), 0);
	assert_int_equal(in.n, 2);
	assert_int_equal(prefix_set_at(&in, 0).len, 16);
	assert_int_equal(prefix_set_at(&in, 1).addr[1], 2);
}

static void test_ports(void **state)
{
	_cleanup_(port_set_release) struct port_set out = { 0 };
	static const struct key_range r[] = {
		{ { 0x03, 0xe8 }, { 0xff, 0xff } }, { { 0, 80 }, { 0, 80 } },
	};

	(void)state;
	assert_int_equal(ports_of_keys(r, 2, 1, &out), 0);
	assert_int_equal(out.n, 2);
	assert_int_equal(out.v[0].last, 80);
	assert_int_equal(out.v[1].first, 1000);
	assert_int_equal(out.v[1].last, 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
