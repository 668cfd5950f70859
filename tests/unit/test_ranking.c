/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_ranking.c: exact while there is room, and near it beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "audit/ranking.h"

static struct ranking_key key_of(uint32_t n)
{
	struct ranking_key k = { .family = 2 };

	memcpy(k.bytes, &n, sizeof(n));
	return k;
}

static uint32_t number_of(const struct ranking_row *row)
{
	uint32_t n;

	memcpy(&n, row->key.bytes, sizeof(n));
	return n;
}

static void add(struct ranking *r, uint32_t n, size_t times)
{
	struct ranking_key k = key_of(n);

	for (size_t i = 0; i < times; i++)
		assert_int_equal(ranking_add(r, &k, i % 2, i % 4 == 0), 0);
}

static void counts_are_exact(void **state)
{
	struct ranking r;

	(void)state;
	assert_int_equal(ranking_init(&r, 7), 0);
	for (uint32_t n = 0; n < 20000; n++)
		add(&r, n, 1 + (n % 100 == 0) * n);
	assert_int_equal(ranking_finish(&r, SIZE_MAX), 0);
	assert_int_equal(r.n, 20000);
	assert_int_equal(r.error_max, 0);
	assert_int_equal(number_of(&r.v[0]), 19900);
	assert_int_equal(r.v[0].entries, 19901);
	assert_int_equal(r.v[0].assured, 9950);
	assert_int_equal(r.v[0].one_way, 4976);
	for (size_t i = 1; i < r.n; i++)
		assert_true(r.v[i - 1].entries >= r.v[i].entries);
	ranking_release(&r);
}

/* Families, protocols and all bytes tell keys apart. */
static void keys_differ(void **state)
{
	struct ranking_key k[] = {
		{ .family = 2 }, { .family = 10 }, { .proto = 6 },
		{ .bytes = { 1 } }, { .bytes = { [15] = 1 } },
	};
	struct ranking r;

	(void)state;
	assert_int_equal(ranking_init(&r, 0), 0);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(ranking_add(&r, &k[i % 5], true, false), 0);
	assert_int_equal(ranking_finish(&r, SIZE_MAX), 0);
	assert_int_equal(r.n, 5);
	for (size_t i = 0; i < r.n; i++)
		assert_int_equal(r.v[i].entries, 2);
	ranking_release(&r);
}

/* Three that have much among 800,000 that have nothing. */
static void the_many_do_not_hide_the_few(void **state)
{
	static const uint32_t much[] = { 16000, 8000, 4000 };
	uint32_t rare = 100;
	struct ranking r;

	(void)state;
	assert_int_equal(ranking_init(&r, 99), 0);
	for (size_t i = 0; i < 4000; i++) {
		for (uint32_t m = 0; m < 3; m++)
			add(&r, m, much[m] / 4000);
		for (size_t n = 0; n < 200; n++)
			add(&r, rare++, 1);
	}
	assert_int_equal(ranking_finish(&r, SIZE_MAX), 0);
	assert_true(r.error_max > 0 && r.error_max < 10);
	assert_true(r.n <= RANKING_KEYS);
	assert_int_equal(r.entries, 828000);
	for (uint32_t m = 0; m < 3; m++) {
		assert_int_equal(number_of(&r.v[m]), m);
		assert_true(r.v[m].entries <= much[m]);
		assert_true(r.v[m].entries + r.error_max >= much[m]);
		assert_true(r.v[m].assured + r.v[m].one_way <=
			    r.v[m].entries);
	}
	ranking_release(&r);
}

/* When every key has much, all lose much, and say so. */
static void nobody_is_rare(void **state)
{
	struct ranking r;

	(void)state;
	assert_int_equal(ranking_init(&r, 1), 0);
	for (uint32_t n = 0; n < RANKING_KEYS; n++)
		add(&r, n, 300);
	add(&r, RANKING_KEYS, 1);
	assert_int_equal(ranking_finish(&r, SIZE_MAX), 0);
	assert_true(r.error_max >= 256);
	assert_true(r.n > 0);
	for (size_t i = 0; i < r.n; i++)
		assert_true(r.v[i].entries + r.error_max >= 300 ||
			    number_of(&r.v[i]) == RANKING_KEYS);
	ranking_release(&r);
}

/* Fewer than there are: the same as the first of all. */
static void the_first_are_the_first(void **state)
{
	struct ranking all, some;

	(void)state;
	for (size_t max = 1; max < 40; max++) {
		assert_int_equal(ranking_init(&all, 5), 0);
		assert_int_equal(ranking_init(&some, 6), 0);
		for (uint32_t n = 0; n < 300; n++) {
			add(&all, n, 1 + n * 7 % 31);
			add(&some, n, 1 + n * 7 % 31);
		}
		assert_int_equal(ranking_finish(&all, SIZE_MAX), 0);
		assert_int_equal(ranking_finish(&some, max), 0);
		assert_int_equal(all.n, 300);
		assert_int_equal(some.n, max);
		assert_memory_equal(all.v, some.v, max * sizeof(*all.v));
		ranking_release(&all);
		ranking_release(&some);
	}
}

static void nothing_was_counted(void **state)
{
	struct ranking r;

	(void)state;
	assert_int_equal(ranking_init(&r, 1), 0);
	assert_int_equal(ranking_finish(&r, SIZE_MAX), 0);
	assert_int_equal(r.n, 0);
	ranking_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_exact),
		cmocka_unit_test(keys_differ),
		cmocka_unit_test(the_many_do_not_hide_the_few),
		cmocka_unit_test(nobody_is_rare),
		cmocka_unit_test(the_first_are_the_first),
		cmocka_unit_test(nothing_was_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
