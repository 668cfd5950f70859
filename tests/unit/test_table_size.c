/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_table_size.c: the formulas, and amounts of memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bytes.h"
#include "core/mem.h"
#include "generators/table_size.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static void the_classic_rule(void **state)
{
	struct table_size s = table_size_classic(48 * GIB, 64);

	(void)state;
	assert_int_equal(s.max, 1572864);
	assert_int_equal(s.buckets, 196608);
	assert_int_equal(table_size_classic(GIB, 32).max, 65536);
}

/* As read on kernels of these sizes. */
static void the_kernels_own(void **state)
{
	static const struct {
		uint64_t memory, max;
	} t[] = {
		{ 64 * MIB, 1024 }, { 470 * MIB, 4096 }, { GIB, 8192 },
		{ GIB + 1, 65536 }, { 4 * GIB, 65536 }, { 4 * GIB + 1, 262144 },
		{ 512 * GIB, 262144 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct table_size s = table_size_kernel(t[i].memory);

		assert_int_equal(s.max, t[i].max);
		assert_int_equal(s.buckets, t[i].max);
	}
}

/* It fits, and uses nearly all that it may. */
static void within_what_is_given(void **state)
{
	(void)state;
	for (uint64_t bytes = MIB; bytes <= 512 * GIB; bytes = bytes * 3 / 2) {
		struct table_size s = table_size_within(bytes);

		assert_true(table_size_bytes(&s) <= bytes);
		assert_true(table_size_bytes(&s) >= bytes / 100 * 97);
		assert_true(s.buckets >= s.max);
		assert_int_equal(s.buckets % TABLE_PAGE_BUCKETS, 0);
	}
	assert_int_equal(table_size_within(0).max, 0);
	assert_int_equal(table_size_within(4096).max, 0);
}

static void automatic(void **state)
{
	struct table_size s = table_size_auto(48 * GIB);

	(void)state;
	assert_true(table_size_bytes(&s) <= 48 * GIB / 50);
	assert_true(table_size_bytes(&s) >= 48 * GIB / 50 / 100 * 97);
	/* Of little memory the kernel takes more than 2 %. */
	for (uint64_t memory = 64 * MIB; memory < 64 * GIB; memory *= 2)
		assert_true(table_size_auto(memory).max >=
			    table_size_kernel(memory).max);
	assert_int_equal(table_size_auto(64 * MIB).max, 3413);
	assert_int_equal(table_size_auto(5 * GIB).max, 273903);
}

static void buckets_come_in_pages(void **state)
{
	(void)state;
	assert_int_equal(table_buckets_rounded(1), 512);
	assert_int_equal(table_buckets_rounded(512), 512);
	assert_int_equal(table_buckets_rounded(50000), 50176);
}

static void amounts_of_memory(void **state)
{
	static const char *const bad[] = {
		"", "1", "GiB", "1 GiB", "-1GiB", "1gib", "1GB", "1.5GiB",
		"1GiBs", "0x1GiB",
	};
	uint64_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(bytes_parse(bad[i], &n), -EINVAL);
	assert_int_equal(bytes_parse("0KiB", &n), -ERANGE);
	assert_int_equal(bytes_parse("1025TiB", &n), -ERANGE);
	assert_int_equal(bytes_parse("99999999999999999999KiB", &n), -ERANGE);
	assert_int_equal(bytes_parse("1024TiB", &n), 0);
	assert_true(n == BYTES_MAX);
	assert_int_equal(bytes_parse("48GiB", &n), 0);
	assert_true(n == 48 * GIB);
}

static void amounts_are_printed(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} t[] = {
		{ 0, "0 bytes" }, { 1023, "1023 bytes" }, { 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" }, { 48 * GIB, "48.0 GiB" },
		{ 4096 * 1024 * GIB, "4096.0 TiB" },
	};
	char text[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		bytes_print(t[i].n, text);
		assert_string_equal(text, t[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_classic_rule),
		cmocka_unit_test(the_kernels_own),
		cmocka_unit_test(within_what_is_given),
		cmocka_unit_test(automatic),
		cmocka_unit_test(buckets_come_in_pages),
		cmocka_unit_test(amounts_of_memory),
		cmocka_unit_test(amounts_are_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
