/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_elems.c: boxes made disjoint cover what they covered, and
 * nothing twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/mem.h"
#include "rules/elems.h"
#include "rules/ruleset.h"

static const struct origin web = { .service = "web" };
static const struct origin api = { .service = "api" };

static void add_ports(struct elems *e, unsigned int a, unsigned int b,
		      const struct origin *o)
{
	uint8_t first[2] = { (uint8_t)(a >> 8), (uint8_t)a };
	uint8_t last[2] = { (uint8_t)(b >> 8), (uint8_t)b };

	assert_int_equal(elems_add(e, first, last, o), 0);
}

static void assert_ports(const struct elems *e, size_t i, unsigned int a,
			 unsigned int b)
{
	const uint8_t *f = elems_first(e, i), *l = elems_last(e, i);

	assert_int_equal(f[0] << 8 | f[1], a);
	assert_int_equal(l[0] << 8 | l[1], b);
}

static void test_one_field(void **state)
{
	static const enum field_type t[] = { FIELD_PORT };
	_cleanup_(elems_release) struct elems e;

	(void)state;
	elems_init(&e, t, 1);
	add_ports(&e, 82, 82, &web);
	add_ports(&e, 80, 80, &web);
	add_ports(&e, 81, 81, &web);
	add_ports(&e, 80, 80, &api);
	assert_int_equal(elems_canonical(&e), 0);
	/* Neighbours stay apart, twins become one, the first name wins. */
	assert_int_equal(e.n, 3);
	assert_ports(&e, 0, 80, 80);
	assert_ports(&e, 2, 82, 82);
	assert_ptr_equal(elems_origin(&e, 0), &api);
	assert_true(elems_all_exact(&e));
}

static void test_whole_range(void **state)
{
	static const enum field_type t[] = { FIELD_PORT };
	_cleanup_(elems_release) struct elems e;

	(void)state;
	elems_init(&e, t, 1);
	add_ports(&e, 0, 65535, &web);
	add_ports(&e, 100, 65535, &web);
	add_ports(&e, 0, 5, &web);
	assert_int_equal(elems_canonical(&e), 0);
	assert_int_equal(e.n, 1);
	assert_ports(&e, 0, 0, 65535);
}

/* ---- against brute force, in a small world of two fields ---- */

#define WORLD 12

struct world {
	uint8_t hit[WORLD][WORLD];
	const struct origin *by[WORLD][WORLD];	/* whose the cell is */
};

static void add_box(struct elems *e, struct world *w, unsigned int seed[4])
{
	unsigned int a = seed[0] % WORLD, b = a + seed[1] % (WORLD - a);
	unsigned int c = seed[2] % WORLD, d = c + seed[3] % (WORLD - c);
	uint8_t first[6] = { 0, (uint8_t)a, 0, 0, 0, (uint8_t)c };
	uint8_t last[6] = { 0, (uint8_t)b, 0, 0, 0, (uint8_t)d };

	const struct origin *o = seed[0] / WORLD % 2 ? &web : &api;

	assert_int_equal(elems_add(e, first, last, o), 0);
	for (unsigned int x = a; x <= b; x++)
		for (unsigned int y = c; y <= d; y++) {
			w->hit[x][y] = 1;
			if (!w->by[x][y] || o == &api)
				w->by[x][y] = o;
		}
}

static void assert_same_world(const struct elems *e, const struct world *w)
{
	struct world got = { 0 };

	for (size_t i = 0; i < e->n; i++) {
		const uint8_t *f = elems_first(e, i), *l = elems_last(e, i);

		for (unsigned int x = f[1]; x <= l[1]; x++)
			for (unsigned int y = f[5]; y <= l[5]; y++) {
				got.hit[x][y]++;
				assert_ptr_equal(elems_origin(e, i),
						 w->by[x][y]);
			}
	}
	assert_memory_equal(got.hit, w->hit, sizeof(got.hit));
}

static void test_random_boxes(void **state)
{
	static const enum field_type t[] = { FIELD_PORT, FIELD_ADDR4 };

	(void)state;
	srand(1);
	for (unsigned int round = 0; round < 3000; round++) {
		_cleanup_(elems_release) struct elems e, r;
		unsigned int seed[8][4], n = (unsigned int)rand() % 7 + 1;
		struct world w = { 0 };

		elems_init(&e, t, 2);
		elems_init(&r, t, 2);
		for (unsigned int i = 0; i < n; i++) {
			for (unsigned int k = 0; k < 4; k++)
				seed[i][k] = (unsigned int)rand();
			add_box(&e, &w, seed[i]);
		}
		for (unsigned int i = n; i-- > 0;)
			add_box(&r, &w, seed[i]);
		assert_int_equal(elems_canonical(&e), 0);
		assert_int_equal(elems_canonical(&r), 0);
		assert_same_world(&e, &w);
		/* The order of adding leaves no trace. */
		assert_int_equal(e.n, r.n);
		for (size_t i = 0; i < e.n; i++)
			assert_int_equal(elems_cmp(&e, i, &r, i), 0);
	}
}

static void test_nested_prefix_goes(void **state)
{
	static const enum field_type t[] = { FIELD_PORT, FIELD_ADDR4 };
	static const uint8_t outer[2][6] = { { 0, 80, 10, 0, 0, 0 },
					     { 0, 80, 10, 255, 255, 255 } };
	static const uint8_t inner[2][6] = { { 0, 80, 10, 1, 0, 0 },
					     { 0, 80, 10, 1, 255, 255 } };
	_cleanup_(elems_release) struct elems e;

	(void)state;
	elems_init(&e, t, 2);
	assert_int_equal(elems_add(&e, inner[0], inner[1], &api), 0);
	assert_int_equal(elems_add(&e, outer[0], outer[1], &api), 0);
	assert_int_equal(elems_canonical(&e), 0);
	assert_int_equal(e.n, 1);
	assert_memory_equal(elems_last(&e, 0), outer[1], 6);
}

/* Square i lies inside square i - 1: quick whatever their number. */
static void test_many_nested(void **state)
{
	static const enum field_type t[] = { FIELD_PORT, FIELD_PORT };
	_cleanup_(elems_release) struct elems e;

	(void)state;
	elems_init(&e, t, 2);
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int z = 60000 - i;
		uint8_t first[4] = { (uint8_t)(i >> 8), (uint8_t)i,
				     (uint8_t)(i >> 8), (uint8_t)i };
		uint8_t last[4] = { (uint8_t)(z >> 8), (uint8_t)z,
				    (uint8_t)(z >> 8), (uint8_t)z };

		assert_int_equal(elems_add(&e, first, last, &web), 0);
	}
	assert_int_equal(elems_canonical(&e), 0);
	assert_int_equal(e.n, 1);
	assert_ptr_equal(elems_origin(&e, 0), &web);
}

/* Keys that begin alike, twins among them, and ones that differ early. */
static void random_key(unsigned int kind, size_t width, uint8_t *ret)
{
	memset(ret, 0x20, width);
	for (size_t i = kind == 1 ? width - 2 : 0; i < width; i++)
		ret[i] = (uint8_t)rand();
	if (kind == 2)		/* and much alike in between */
		memset(ret + 1, 7, width - 2);
}

static void sorts(const enum field_type *t, size_t n_fields, unsigned int kind,
		  size_t n)
{
	_cleanup_(elems_release) struct elems e, was;
	_cleanup_free_ bool *taken = calloc(n, sizeof(*taken));
	uint8_t key[64];

	assert_non_null(taken);
	elems_init(&e, t, n_fields);
	for (size_t i = 0; i < n; i++) {
		random_key(kind, e.width, key);
		assert_int_equal(elems_add(&e, key, key, i % 2 ? &web : &api),
				 0);
	}
	assert_int_equal(elems_copy(&e, &was), 0);
	assert_int_equal(elems_sort(&e), 0);
	assert_int_equal(e.n, n);
	for (size_t i = 0; i < n; i++) {
		size_t at = 0;
		int c = i ? elems_cmp(&e, i - 1, &e, i) : -1;
		int o = i ? elems_cmp_origin(elems_origin(&e, i - 1),
					     elems_origin(&e, i)) : 0;

		assert_true(c < 0 || (!c && o <= 0));
		while (at < n && (taken[at] ||
				   elems_origin(&was, at) !=
					   elems_origin(&e, i) ||
				  elems_cmp(&was, at, &e, i)))
			at++;
		assert_true(at < n);
		taken[at] = true;
	}
}

/* Exact ones need one value each; the first range gives them all two. */
static void test_last_values(void **state)
{
	static const enum field_type t[] = { FIELD_PORT };
	static const uint8_t ports[][2] = { { 0, 22 }, { 0, 80 }, { 1, 187 } };
	_cleanup_(elems_release) struct elems e, c;

	(void)state;
	elems_init(&e, t, 1);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(elems_add(&e, ports[i], ports[i], NULL), 0);
	assert_false(e.lasts);
	assert_ptr_equal(elems_first(&e, 1), elems_last(&e, 1));
	assert_int_equal(elems_copy(&e, &c), 0);
	assert_int_equal(elems_add(&e, ports[1], ports[2], NULL), 0);
	assert_true(e.lasts);
	for (size_t i = 0; i < 2; i++) {
		assert_memory_equal(elems_first(&e, i), ports[i], 2);
		assert_memory_equal(elems_last(&e, i), ports[i], 2);
		assert_int_equal(elems_cmp(&e, i, &c, i), 0);
	}
	assert_memory_equal(elems_last(&e, 2), ports[2], 2);
	assert_true(elems_cmp(&c, 1, &e, 2) < 0);
	assert_true(elems_cmp(&e, 2, &c, 1) > 0);
	assert_int_equal(elems_canonical(&e), 0);
	assert_int_equal(e.n, 2);
}

static void test_sorting(void **state)
{
	static const enum field_type one[] = { FIELD_PORT };
	static const enum field_type two[] = { FIELD_PORT, FIELD_ADDR4 };
	static const enum field_type long_ones[] = { FIELD_PORT, FIELD_ADDR6,
						     FIELD_IFNAME };
	static const size_t numbers[] = { 2, 255, 256, 1000 };

	(void)state;
	srand(2);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		for (unsigned int kind = 0; kind < 3; kind++) {
			sorts(one, 1, kind, numbers[i]);
			sorts(two, 2, kind, numbers[i]);
			sorts(long_ones, 3, kind, numbers[i]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_field),
		cmocka_unit_test(test_whole_range),
		cmocka_unit_test(test_random_boxes),
		cmocka_unit_test(test_nested_prefix_goes),
		cmocka_unit_test(test_many_nested),
		cmocka_unit_test(test_last_values),
		cmocka_unit_test(test_sorting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
