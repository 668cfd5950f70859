/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_xt_entry.c: a kernel entry's head says what it matches. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/iptables/ipt.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

static void check(uint8_t family, void *entry, const char *expected)
{
	struct xt_head h = { .family = family };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	h.p = entry;
	assert_non_null(out);
	xt_head_print(&h, out);
	fclose(out);
	assert_string_equal(text, expected);
}

static void check_v4(struct ipt_ip ip, const char *expected)
{
	struct ipt_entry e = { .ip = ip };

	check(NFPROTO_IPV4, &e, expected);
}

#define EXACT(n) { [0 ... (n) - 1] = 0xff }

static void test_plain(void **state)
{
	(void)state;
	check_v4((struct ipt_ip){ 0 }, "");
	check_v4((struct ipt_ip){ .iniface = "lo", .iniface_mask = EXACT(3) },
		 " -i lo");
	check_v4((struct ipt_ip){ .iniface = "lo", .iniface_mask = EXACT(16) },
		 " -i lo");
	check_v4((struct ipt_ip){ .outiface = "wan+",
				  .outiface_mask = EXACT(3) }, " -o wan+");
	check_v4((struct ipt_ip){ .proto = 6, .flags = IPT_F_FRAG },
		 " -p tcp -f");
}

/* Each of these matches no packet at all. */
static void test_never(void **state)
{
	(void)state;
	check_v4((struct ipt_ip){ .invflags = IPT_INV_VIA_IN }, " ! -i +");
	check_v4((struct ipt_ip){ .invflags = IPT_INV_FRAG }, " ! -f");
	check_v4((struct ipt_ip){ .src.s_addr = htonl(0x0a000001) },
		 " -s 10.0.0.1/0");
}

/* iptables has no words for these: none that reads as another rule. */
static void test_odd(void **state)
{
	(void)state;
	check_v4((struct ipt_ip){ .iniface = "wan+",
				  .iniface_mask = EXACT(5) },
		 " -i wan+ --odd-interface");
	check_v4((struct ipt_ip){ .iniface = "lo", .iniface_mask = { 0xff, 1 } },
		 " -i lo+ --odd-interface");
	check_v4((struct ipt_ip){ .iniface = "lo",
				  .iniface_mask = { 0xff, 0xff, 0, 0xff } },
		 " -i lo+ --odd-interface");
	check_v4((struct ipt_ip){ .iniface_mask = { 0, 0xff } },
		 " -i + --odd-interface");
	check_v4((struct ipt_ip){ .iniface_mask = { 0xff } },
		 " -i \"\"");
	check_v4((struct ipt_ip){ .iniface_mask = { 0xff, 0, 0xff } },
		 " -i \"\" --odd-interface");
	check_v4((struct ipt_ip){ .iniface = "a -p 6",
				  .iniface_mask = EXACT(7) },
		 " -i a\\ -p\\ 6");
}

/* In IPv6 a flag tells whether the protocol is looked at. */
static void test_proto_v6(void **state)
{
	struct ip6t_entry e = { .ipv6.proto = 6 };

	(void)state;
	check(NFPROTO_IPV6, &e, "");
	e.ipv6.flags = IP6T_F_PROTO;
	check(NFPROTO_IPV6, &e, " -p tcp");
}

/* What is read of words is what is printed; "!" ahead of each of them. */
static void take(uint8_t family, void *entry, const char *words)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	struct xt_head h = { .family = family };

	h.p = entry;
	assert_int_equal(ipt_args_split(words, strlen(words), &a), 0);
	for (size_t i = 0; i < a.n;) {
		bool negated = !strcmp(a.v[i], "!");

		i += negated;
		assert_int_equal(xt_head_take(&h, &a, &i, negated), 0);
	}
	check(family, entry, words);
}

static void test_negated(void **state)
{
	struct ipt_entry v4 = { 0 };
	struct ip6t_entry v6 = { 0 };

	(void)state;
	take(NFPROTO_IPV4, &v4,
	     " ! -s 10.0.0.0/8 ! -d 10.1.2.3/32 ! -i lo ! -o wan+ ! -p icmp ! -f");
	take(NFPROTO_IPV6, &v6,
	     " ! -s fd00::/8 ! -d fd00::1/128 ! -i lo ! -o wan+ ! -p ipv6-icmp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_proto_v6),
		cmocka_unit_test(test_negated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
