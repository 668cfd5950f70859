/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_timers.c: the kernel's timers, as words and by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <netinet/in.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "core/timers.h"

static void test_numbers_are_the_kernels(void **state)
{
	static const struct {
		uint8_t proto;
		const char *key;
		unsigned int number;
	} v[] = {
		{ IPPROTO_TCP, "syn_sent", CTA_TIMEOUT_TCP_SYN_SENT },
		{ IPPROTO_TCP, "established", CTA_TIMEOUT_TCP_ESTABLISHED },
		{ IPPROTO_TCP, "syn_sent2", CTA_TIMEOUT_TCP_SYN_SENT2 },
		{ IPPROTO_TCP, "unack", CTA_TIMEOUT_TCP_UNACK },
		{ IPPROTO_UDP, "unreplied", CTA_TIMEOUT_UDP_UNREPLIED },
		{ IPPROTO_UDP, "replied", CTA_TIMEOUT_UDP_REPLIED },
		{ IPPROTO_UDPLITE, "replied", CTA_TIMEOUT_UDPLITE_REPLIED },
		{ IPPROTO_GRE, "replied", CTA_TIMEOUT_GRE_REPLIED },
		{ IPPROTO_SCTP, "closed", CTA_TIMEOUT_SCTP_CLOSED },
		{ IPPROTO_SCTP, "heartbeat_sent",
		  CTA_TIMEOUT_SCTP_HEARTBEAT_SENT },
		{ IPPROTO_DCCP, "timewait", CTA_TIMEOUT_DCCP_TIMEWAIT },
	};
	uint8_t number[TIMERS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		assert_int_equal(timers_find(v[i].proto, v[i].key, number), 1);
		assert_int_equal(number[0], v[i].number);
		assert_string_equal(timers_key(v[i].proto, v[i].number),
				    v[i].key);
	}
	assert_int_equal(timers_count(IPPROTO_TCP), CTA_TIMEOUT_TCP_MAX);
	assert_int_equal(timers_count(IPPROTO_UDP), CTA_TIMEOUT_UDP_MAX);
	assert_int_equal(timers_count(IPPROTO_DCCP), CTA_TIMEOUT_DCCP_MAX);
	assert_int_equal(timers_count(IPPROTO_ESP), 0);
	assert_false(timers_known(IPPROTO_ESP));
}

static void test_a_group_is_its_members(void **state)
{
	uint8_t number[TIMERS_MAX];

	(void)state;
	assert_int_equal(timers_find(IPPROTO_TCP, "unreplied", number), 3);
	assert_int_equal(number[0], CTA_TIMEOUT_TCP_SYN_SENT);
	assert_int_equal(number[1], CTA_TIMEOUT_TCP_SYN_RECV);
	assert_int_equal(number[2], CTA_TIMEOUT_TCP_SYN_SENT2);
	assert_int_equal(timers_find(IPPROTO_TCP, "replied", number), 0);
	assert_int_equal(timers_find(IPPROTO_SCTP, "unreplied", number), 0);
	assert_null(timers_group(IPPROTO_UDP, 0));
	assert_null(timers_group(IPPROTO_TCP, 1));
}

static void test_words_come_back(void **state)
{
	static const char *const v[] = {
		"udp", "udp unreplied 2 replied 3", "gre replied 4294967295",
		"tcp syn_sent 1 established 600 unack 7",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		_cleanup_(strbuf_release) struct strbuf b = { 0 };
		struct timers t;

		assert_int_equal(timers_parse(v[i], &t), 0);
		timers_print(&t, &b);
		assert_string_equal(strbuf_str(&b), v[i]);
	}
}

static void test_other_words_are_refused(void **state)
{
	static const char *const v[] = {
		"", "esp", "esp unreplied 2", "udp unreplied",
		"udp unreplied 0", "udp unreplied 02", "udp unreplied 2s",
		"udp unreplied -1", "udp unreplied 4294967296",
		"udp unreplied 99999999999", "udp established 2",
		"udp unreplied 2 unreplied 2", "tcp unreplied 2",
		"udp  unreplied 2", "udp unreplied 2 ", "300 unreplied 2",
	};
	struct timers t = { .proto = 99 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		assert_int_equal(timers_parse(v[i], &t), -EINVAL);
	assert_int_equal(t.proto, 99);
}

static void test_mask(void **state)
{
	struct timers t;

	(void)state;
	assert_int_equal(timers_parse("tcp syn_sent 1 established 2 unack 3",
				      &t), 0);
	assert_int_equal(timers_mask(&t), 1 | 1 << 2 | 1 << 10);
	timers_keep(&t, 1 << 2 | 1 << 3);
	assert_int_equal(timers_mask(&t), 1 << 2);
	assert_int_equal(t.v[CTA_TIMEOUT_TCP_ESTABLISHED], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_are_the_kernels),
		cmocka_unit_test(test_a_group_is_its_members),
		cmocka_unit_test(test_words_come_back),
		cmocka_unit_test(test_other_words_are_refused),
		cmocka_unit_test(test_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
