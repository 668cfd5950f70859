/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_groups.c: what fills a table, by protocol and port. */
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "audit/groups.h"

#ifdef __has_feature
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static uint8_t source[16];

static void add(struct groups *g, struct groups_entry e, uint32_t from)
{
	memcpy(source, &from, sizeof(from));
	e.family = AF_INET;
	e.source = source;
	assert_int_equal(groups_add(g, &e), 0);
}

static void begin(struct groups *g)
{
	assert_int_equal(groups_init(g, 7), 0);
}

static void counts_are_exact(void **state)
{
	struct groups g;

	(void)state;
	begin(&g);
	for (uint32_t i = 0; i < 1000; i++) {
		add(&g, (struct groups_entry){
			.proto = IPPROTO_TCP, .port = 80,
			.role = i % 5 ? GROUPS_SERVER : GROUPS_ROUTER,
			.one_way = i % 2, .half_open = i % 4 == 0,
			.translated = i % 10 == 0, .helped = i % 20 == 0,
			.to_group = i % 25 == 1, .unnamed = i % 8 == 0 },
		    i % 50);
		add(&g, (struct groups_entry){
			.proto = IPPROTO_UDP, .port = 80,
			.role = GROUPS_CLIENT }, i);
	}
	assert_int_equal(groups_finish(&g, 0), 0);
	assert_int_equal(g.n, 2);
	assert_int_equal(g.entries, 2000);
	assert_int_equal(g.v[0].proto, IPPROTO_TCP);
	assert_int_equal(g.v[0].port, 80);
	assert_int_equal(g.v[0].entries, 1000);
	assert_int_equal(g.v[0].one_way, 500);
	assert_int_equal(g.v[0].half_open, 250);
	assert_int_equal(g.v[0].translated, 100);
	assert_int_equal(g.v[0].helped, 50);
	assert_int_equal(g.v[0].to_group, 40);
	assert_int_equal(g.v[0].unnamed, 125);
	assert_int_equal(g.v[0].role[GROUPS_SERVER], 800);
	assert_int_equal(g.v[0].role[GROUPS_ROUTER], 200);
	assert_int_equal(g.v[0].bound[GROUPS_SERVER], 0);
	assert_int_equal(g.v[0].bound[GROUPS_ROUTER], 100);
	assert_int_equal(g.v[0].sources, 50);
	assert_int_equal(g.v[1].proto, IPPROTO_UDP);
	assert_int_equal(g.v[1].role[GROUPS_CLIENT], 1000);
	assert_int_equal(g.v[1].sources, 1000);
	groups_release(&g);
}

/* A hundredth is enough, less is not; the larger first, then by name. */
static void the_large_ones(void **state)
{
	struct groups g;

	(void)state;
	begin(&g);
	for (uint32_t i = 0; i < 9796; i++)
		add(&g, (struct groups_entry){ .proto = IPPROTO_UDP,
					       .port = 1 }, i);
	for (uint32_t i = 0; i < 100; i++)
		add(&g, (struct groups_entry){ .proto = IPPROTO_TCP,
					       .port = 65535 }, i);
	for (uint32_t i = 0; i < 99; i++)
		add(&g, (struct groups_entry){ .proto = IPPROTO_TCP,
					       .port = 0 }, i);
	/* Types of ICMP are no ports. */
	for (uint32_t i = 0; i < 5; i++)
		add(&g, (struct groups_entry){ .proto = IPPROTO_ICMP,
					       .port = (uint16_t)i }, i);
	assert_int_equal(groups_finish(&g, .01), 0);
	assert_int_equal(g.n, 2);
	assert_int_equal(g.v[0].port, 1);
	assert_int_equal(g.v[1].port, 65535);
	assert_int_equal(g.v[1].entries, 100);
	groups_release(&g);
	begin(&g);
	for (uint32_t i = 0; i < 5; i++)
		add(&g, (struct groups_entry){ .proto = IPPROTO_ICMP,
					       .port = (uint16_t)i }, 1);
	assert_int_equal(groups_finish(&g, .01), 0);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.v[0].port, 0);
	assert_int_equal(g.v[0].sources, 1);
	groups_release(&g);
}

static void nothing(void **state)
{
	struct groups g;

	(void)state;
	begin(&g);
	assert_int_equal(groups_finish(&g, .01), 0);
	assert_int_equal(g.n, 0);
	groups_release(&g);
}

static bool near(uint32_t n, uint32_t truth)
{
	return fabs((double)n - truth) < .02 * truth;
}

/* Two million entries of as many sources, and every port of five protocols. */
static void in_bounded_memory(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP,
					  IPPROTO_SCTP, IPPROTO_DCCP,
					  IPPROTO_UDPLITE };
	struct rusage before, after;
	struct groups g;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	begin(&g);
	for (uint32_t i = 0; i < 600000; i++)
		add(&g, (struct groups_entry){ .proto = IPPROTO_TCP,
					       .port = 80 }, i);
	assert_int_equal(g.sources.zeros, 0);
	assert_int_equal(g.by_proto[IPPROTO_TCP][80].sources, 600000);
	for (uint32_t i = 0; i < 1400000; i++)
		add(&g, (struct groups_entry){
			.proto = protos[i % 5],
			.port = i % 2 ? (uint16_t)(i / 10) : 443 }, i);
	getrusage(RUSAGE_SELF, &after);
	assert_true(g.sources.zeros > 0);
	assert_true(SANITIZED || after.ru_maxrss - before.ru_maxrss < 48 << 10);
	assert_int_equal(groups_finish(&g, .01), 0);
	assert_int_equal(g.v[0].sources > 550000, 1);
	for (size_t i = 0; i < g.n; i++)
		assert_true(near(g.v[i].sources, g.v[i].entries));
	groups_release(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_exact),
		cmocka_unit_test(the_large_ones),
		cmocka_unit_test(nothing),
		cmocka_unit_test(in_bounded_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
