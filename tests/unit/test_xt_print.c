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

#include <linux/netfilter_ipv4/ip_tables.h>

struct jump {
	struct ipt_entry head;
	struct xt_standard_target target;
};

static void read_jump(const char *chain, uint8_t flags, struct ipt_args *ret)
{
	struct jump j = {
		.head = {
			.ip.flags = flags,
			.target_offset = offsetof(struct jump, target),
			.next_offset = sizeof(j),
		},
		.target.target.u.target_size = sizeof(j.target),
	};
	_cleanup_(diags_release) struct diags d = { 0 };

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
