/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_elems_index.c: the index of a set gives the answer that a
 * look at every element gives, and its cost does not grow with the set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/mem.h"
#include "rules/elems_index.h"

#define PORT_ADDR (2 + 4)

static uint32_t state = 1;

/* Any sequence will do, as long as it is the same each time. */
static uint32_t next(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static void put(uint8_t *at, size_t width, uint32_t v)
{
	for (size_t i = width; i-- > 0; v >>= 8)
		at[i] = (uint8_t)v;
}

static void add(struct elems *e, uint32_t port, uint32_t last_port,
		uint32_t addr, uint32_t last_addr)
{
	uint8_t first[PORT_ADDR], last[PORT_ADDR];

	put(first, 2, port);
	put(first + 2, 4, addr);
	put(last, 2, last_port);
	put(last + 2, 4, last_addr);
	assert_int_equal(elems_add(e, first, last, NULL), 0);
}

static bool covered_by_one(const struct elems *e, const uint8_t *port,
			   const uint8_t *addr)
{
	for (size_t i = 0; i < e->n; i++) {
		const uint8_t *a = elems_first(e, i), *b = elems_last(e, i);

		if (memcmp(port, a, 2) >= 0 && memcmp(port, b, 2) <= 0 &&
		    (!addr || (memcmp(addr, a + 2, 4) >= 0 &&
			       memcmp(addr, b + 2, 4) <= 0)))
			return true;
	}
	return false;
}

static bool may(enum field_type type, const uint8_t *first,
		const uint8_t *last, const void *arg)
{
	(void)type;
	(void)first;
	(void)last;
	return *(const bool *)arg;
}

static void init(struct elems *e)
{
	static const enum field_type fields[] = { FIELD_PORT, FIELD_ADDR4 };

	elems_init(e, fields, ARRAY_SIZE(fields));
}

static void ask(const struct elems *e, const struct elems_index *x)
{
	static const bool yes = true, no;
	uint8_t port[2], addr[4];
	struct elems_point p = { .at = { port, addr }, .may = may };

	put(port, 2, next(40));
	put(addr, 4, next(40));
	assert_int_equal(elems_index_covers(x, &p),
			 covered_by_one(e, port, addr));
	/* Without the address. */
	p.at[1] = NULL;
	p.arg = &yes;
	assert_int_equal(elems_index_covers(x, &p),
			 covered_by_one(e, port, NULL));
	p.arg = &no;
	assert_false(elems_index_covers(x, &p));
}

static void test_random(void **unused)
{
	(void)unused;
	for (size_t round = 0; round < 200; round++) {
		_cleanup_(elems_index_free) struct elems_index *x = NULL;
		_cleanup_(elems_release) struct elems e;
		size_t n = next(60);

		init(&e);
		for (size_t i = 0; i < n; i++) {
			uint32_t port = next(36), addr = next(36);

			add(&e, port, port + next(4), addr, addr + next(4));
		}
		if (round % 2)
			assert_int_equal(elems_canonical(&e), 0);
		assert_int_equal(elems_index_new(&e, &x), 0);
		for (size_t i = 0; i < 300; i++)
			ask(&e, x);
	}
}

/*
 * Sets in which the first field says nothing: one port, or ranges of ports
 * that all cover the one that is asked for.
 */
static void test_large(void **unused)
{
	enum { N = 100000, ASK = 100000 };
	clock_t begin = clock();

	(void)unused;
	for (unsigned int wide = 0; wide < 2; wide++) {
		_cleanup_(elems_index_free) struct elems_index *x = NULL;
		_cleanup_(elems_release) struct elems e;
		uint8_t port[2], addr[4];
		struct elems_point p = { .at = { port, addr }, .may = may };

		init(&e);
		for (uint32_t i = 0; i < N; i++) {
			uint32_t a = (i * 7919u) % N;

			add(&e, wide ? i % 50 : 53, wide ? 65535 - i % 60 : 53,
			    2 * a, 2 * a);
		}
		assert_int_equal(elems_sort(&e), 0);
		assert_int_equal(elems_index_new(&e, &x), 0);
		put(port, 2, 53);
		for (uint32_t i = 0; i < ASK; i++) {
			put(addr, 4, i);
			assert_int_equal(elems_index_covers(x, &p), !(i % 2));
		}
	}
	/* One by one it would be 10,000,000,000 comparisons. */
	assert_true(clock() - begin < 20 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
