/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_xt_print.c: a kernel entry as arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/iptables/ipt.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"

#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <linux/netfilter_ipv6/ip6t_frag.h>

/* Room for an entry, its match and its target, one behind the other. */
struct room {
	_Alignas(8) uint8_t bytes[512];
};

static void read_jump(const char *chain, uint8_t flags, struct ipt_args *ret)
{
	struct room j = { 0 };
	struct ipt_entry *head = (void *)j.bytes;
	struct xt_standard_target *target = (void *)(head + 1);
	_cleanup_(diags_release) struct diags d = { 0 };

	head->ip.flags = flags;
	head->target_offset = sizeof(*head);
	head->next_offset = sizeof(*head) + sizeof(*target);
	target->target.u.target_size = sizeof(*target);
	assert_int_equal(xt_print(NFPROTO_IPV4, &j, chain, ret, &d), 0);
	assert_int_equal(d.errors, 0);
}

/* The kernel takes any bytes for a chain's name. */
static void test_names(void **state)
{
	static const char *const names[] = {
		"plain", "a b", "say \"hi\"", "half\"", "it's", "back\\slash",
		"two\nlines", "CTPOLICY-A -m socket", "!",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
		_cleanup_(ipt_args_release) struct ipt_args g = { 0 };

		read_jump(names[i], 0, &a);
		assert_int_equal(a.n, 2);
		assert_string_equal(a.v[0], "-j");
		assert_string_equal(a.v[1], names[i]);
		read_jump(names[i], IPT_F_GOTO, &g);
		assert_int_equal(g.n, 2);
		assert_string_equal(g.v[0], "-g");
		assert_string_equal(g.v[1], names[i]);
	}
}

#define PAYLOAD_MAX 32

static void check_unsaid(const char *name, const void *payload, size_t size)
{
	size_t match_size = sizeof(struct xt_entry_match) + PAYLOAD_MAX;
	struct room e = { 0 };
	struct ip6t_entry *head = (void *)e.bytes;
	struct xt_entry_match *match = (void *)(head + 1);
	struct xt_standard_target *target =
		(void *)((uint8_t *)match + match_size);
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_(diags_release) struct diags d = { 0 };

	head->target_offset = (uint16_t)(sizeof(*head) + match_size);
	head->next_offset = (uint16_t)(head->target_offset + sizeof(*target));
	match->u.user.match_size = (uint16_t)match_size;
	target->target.u.target_size = sizeof(*target);
	strcpy(match->u.user.name, name);
	memcpy(match->data, payload, size);
	assert_int_equal(xt_print(NFPROTO_IPV6, &e, "ACCEPT", &a, &d), 0);
	assert_int_equal(a.n, 6);
	assert_string_equal(a.v[1], name);
	assert_string_equal(a.v[2], "--unknown-revision");
}

/* libxtables leaves these out, but for the first, of which it dies. */
static void test_unsaid(void **state)
{
	static const struct xt_tcp tcp[] = {
		{ { 0, 65535 }, { 0, 65535 }, 0, 0xc2, 0x02, 0 },
		{ { 0, 65535 }, { 0, 65535 }, 0, 0, 0x02, 0 },
		{ { 0, 65535 }, { 0, 65535 }, 0, 0, 0, XT_TCP_INV_SRCPT },
		{ { 0, 65535 }, { 0, 65535 }, 0, 0, 0, XT_TCP_INV_DSTPT },
	};
	static const struct xt_udp udp[] = {
		{ { 0, 65535 }, { 0, 65535 }, XT_UDP_INV_SRCPT },
		{ { 0, 65535 }, { 0, 65535 }, XT_UDP_INV_DSTPT },
	};
	static const struct ip6t_frag frag = {
		.ids = { 0, UINT32_MAX }, .invflags = IP6T_FRAG_INV_IDS,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tcp); i++)
		check_unsaid("tcp", &tcp[i], sizeof(tcp[i]));
	for (size_t i = 0; i < ARRAY_SIZE(udp); i++) {
		check_unsaid("udp", &udp[i], sizeof(udp[i]));
		check_unsaid("udplite", &udp[i], sizeof(udp[i]));
	}
	check_unsaid("frag", &frag, sizeof(frag));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unsaid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
