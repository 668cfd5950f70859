/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_keepers.c: which rules keep tracking on, of which family. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/keepers.h"
#include "audit/needs.h"
#include "core/mem.h"

#include <linux/netfilter.h>

struct given {
	uint8_t family;
	const char *table, *chain;
	uint64_t features;
	bool ranked;
};

static struct foreign *model(const struct given *v, size_t n)
{
	struct foreign *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	for (size_t i = 0; i < n; i++) {
		struct foreign_rule *r;
		uint32_t table, chain;

		assert_int_equal(foreign_table(f, v[i].family, v[i].table, 0,
					       &table), 0);
		f->tables[table].ranked = v[i].ranked;
		assert_int_equal(foreign_chain(f, table, v[i].chain, 0,
					       &chain), 0);
		r = foreign_add_rule(f, chain, 0);
		assert_non_null(r);
		r->features = v[i].features;
	}
	return f;
}

static struct keepers of(const struct given *v, size_t n)
{
	_cleanup_(foreign_free) struct foreign *f = model(v, n);
	struct keepers k;

	keepers_find(f, &k);
	return k;
}

static void test_families(void **unused)
{
	static const struct given v[] = {
		{ NFPROTO_IPV4, "filter", "INPUT", 0, true },
		{ NFPROTO_IPV4, "filter", "INPUT", FEATURE_BIT(STATE), true },
		{ NFPROTO_IPV6, "filter", "INPUT", FEATURE_BIT(CONNMARK),
		  true },
		{ NFPROTO_INET, "f", "in", FEATURE_BIT(STATE), false },
		{ NFPROTO_ARP, "f", "in", FEATURE_BIT(STATE), false },
	};
	struct keepers k = of(v, ARRAY_SIZE(v));

	(void)unused;
	assert_int_equal(k.ipv4.rules, 2);
	assert_int_equal(k.ipv4.first, 1);
	assert_int_equal(k.ipv6.rules, 2);
	assert_int_equal(k.ipv6.first, 2);
}

static void test_nothing_keeps(void **unused)
{
	static const struct given v[] = {
		{ NFPROTO_IPV4, "raw", "OUTPUT", FEATURE_BIT(NOTRACK), true },
		/* a rule in a nat chain that translates nothing */
		{ NFPROTO_IPV4, "nat", "OUTPUT", FEATURE_BIT(NAT), true },
	};
	struct keepers k = of(v, ARRAY_SIZE(v));

	(void)unused;
	assert_int_equal(k.ipv4.rules, 0);
	assert_int_equal(k.ipv4.first, FOREIGN_NOWHERE);
	assert_int_equal(k.ipv6.rules, 0);
}

static void test_nat(void **unused)
{
	static const struct given v[] = {
		{ NFPROTO_IPV4, "nat", "POSTROUTING",
		  FEATURE_BIT(NAT) | FEATURE_BIT(NAT_VERDICT), true },
		{ NFPROTO_IPV6, "n", "post", FEATURE_BIT(NAT), false },
	};
	struct keepers k = of(v, ARRAY_SIZE(v));

	(void)unused;
	assert_int_equal(k.ipv4.rules, 1);
	assert_int_equal(k.ipv6.rules, 1);
}

/* ctpolicy's rules count, and a rule of the host's is named before them. */
static void test_own(void **unused)
{
	static const struct given v[] = {
		{ NFPROTO_INET, "ctpolicy", "input", FEATURE_BIT(STATE),
		  false },
		{ NFPROTO_IPV4, "filter", "CTPOLICY-INPUT",
		  FEATURE_BIT(STATE), true },
		{ NFPROTO_IPV4, "filter", "INPUT", FEATURE_BIT(STATE), true },
	};
	_cleanup_(foreign_free) struct foreign *f = model(v, ARRAY_SIZE(v));
	struct keepers k = of(v, ARRAY_SIZE(v));
	struct needs n;

	(void)unused;
	assert_int_equal(k.ipv4.rules, 3);
	assert_int_equal(k.ipv4.first, 2);
	assert_int_equal(k.ipv6.rules, 1);
	assert_int_equal(k.ipv6.first, 0);
	assert_int_equal(needs_count(f, &n), 0);
	assert_int_equal(n.rules, 1);
	assert_int_equal(n.needs_ct, 1);
	needs_release(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_nothing_keeps),
		cmocka_unit_test(test_nat),
		cmocka_unit_test(test_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
