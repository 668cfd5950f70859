/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_ipvs.c: what the kernel lists of IPVS. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/mem.h"
#include "host/ipvs.h"

static const char listed[] =
	"IP Virtual Server version 1.2.1 (size=4096)\n"
	"Prot LocalAddress:Port Scheduler Flags\n"
	"  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
	"TCP  C0000201:1F90 rr  \n"
	"  -> C6336402:0050      Masq    1      0          0         \n"
	"UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 wrr ops\n"
	"  -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0035 Masq 1 0 0\n"
	"FWM  0000000A rr \n"
	"SCTP C0000202:0000 sh persistent 300 FFFFFFFF\n"
	"TCP  nonsense rr\n";

static void test_listed(void **state)
{
	static const char *const want[] = {
		"TCP 192.0.2.1:8080", "UDP [2001:db8::1]:53", "mark 0xa",
		"SCTP 192.0.2.2:0",
	};
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, 0,
					     IPPROTO_SCTP };
	_cleanup_free_ struct ipvs_service *v = NULL;
	size_t n;

	(void)state;
	assert_int_equal(ipvs_parse(listed, &v, &n), 0);
	assert_int_equal(n, ARRAY_SIZE(want));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(v[i].text, want[i]);
		assert_int_equal(v[i].proto, protocols[i]);
	}
	assert_int_equal(v[0].family, AF_INET);
	assert_memory_equal(v[0].address, "\300\0\2\1", 4);
	assert_int_equal(v[1].family, AF_INET6);
	assert_int_equal(v[1].port, 53);
}

static void test_nothing(void **state)
{
	_cleanup_free_ struct ipvs_service *v = NULL;
	size_t n = 1;

	(void)state;
	assert_int_equal(ipvs_parse("", &v, &n), 0);
	assert_int_equal(n, 0);
	/* This kernel, or this namespace, has none that keep entries. */
	assert_int_equal(ipvs_tracked(&v, &n), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
