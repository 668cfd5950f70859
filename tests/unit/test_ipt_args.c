/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_ipt_args.c: a rule survives the way to arguments and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/iptables/ipt.h"
#include "backends/iptables/ipt_elems.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/iptables/ipt_sets.h"
#include "core/mem.h"

static struct image *img;
static struct image_table *sets;

static int take_set_line(const char *line)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	size_t bad;

	assert_int_equal(ipt_args_split(line, strlen(line), &a), 0);
	return ipt_set_take_line(&a, img, sets, &bad);
}

static int setup(void **state)
{
	(void)state;
	img = image_new();
	sets = image_add_table(img, NFPROTO_UNSPEC, IPT_SET_TABLE);
	take_set_line("create ctpolicy-p bitmap:port range 0-65535 comment");
	take_set_line("create ctpolicy-n4 hash:net family inet comment");
	take_set_line("create ctpolicy-np6 hash:net,port family inet6 "
		      "comment");
	take_set_line("create ctpolicy-ipn hash:ip,port,net family inet "
		      "comment");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	image_free(&img);
	return 0;
}

/* What a line comes to when it is decoded and encoded again. */
static char *around(const char *line, uint8_t family, enum verdict *ret)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 }, b = { 0 };
	_cleanup_(strbuf_release) struct strbuf out = { 0 };
	_cleanup_(image_rule_release) struct image_rule r = { 0 };

	assert_int_equal(ipt_args_split(line, strlen(line), &a), 0);
	assert_int_equal(ipt_args_decode(&a, family, sets,
					 ipt_chain_is_ours, img, &r), 0);
	*ret = r.verdict;
	assert_int_equal(ipt_args_encode(&r, family, &b), 0);
	ipt_args_print(&b, &out);
	return strbuf_take(&out);
}

static const struct {
	uint8_t family;
	const char *in, *out;	/* out NULL: the same */
} good[] = {
	{ NFPROTO_IPV4, "-p tcp -m multiport --dports 80,81 -m addrtype "
	  "--dst-type LOCAL -m comment --comment web -j CT --notrack", NULL },
	{ NFPROTO_IPV4, "-p tcp -m tcp --dport 80 -j NOTRACK",
	  "-p tcp -m multiport --dports 80 -j CT --notrack" },
	{ NFPROTO_IPV6, "-p udp -m udp --sport 1024: -j ACCEPT",
	  "-p udp -m multiport --sports 1024:65535 -j ACCEPT" },
	{ NFPROTO_IPV4, "-p 33 -m dccp --dport 5:7 -j ACCEPT",
	  "-p 33 -m multiport --dports 5:7 -j ACCEPT" },
	{ NFPROTO_IPV4, "-s 10.0.0.0/8 -d 192.0.2.1/32 -i eth0 -j ACCEPT",
	  NULL },
	{ NFPROTO_IPV4, "-s 0.0.0.0/0 -j RETURN", "-j RETURN" },
	{ NFPROTO_IPV6, "-i lo ! -p tcp -j ACCEPT", NULL },
	{ NFPROTO_IPV6, "-s 2001:db8::/32 -o wan+ -j ACCEPT", NULL },
	{ NFPROTO_IPV4, "-p tcp -m tcp ! --tcp-flags ACK,SYN,RST,FIN SYN "
	  "-m state --state UNTRACKED -j ACCEPT",
	  "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack "
	  "--ctstate UNTRACKED -j ACCEPT" },
	{ NFPROTO_IPV4, "-p tcp -m tcp ! --syn -j ACCEPT",
	  "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT" },
	{ NFPROTO_IPV4, "-m conntrack --ctstate UNTRACKED,INVALID -m socket "
	  "--nowildcard -j ACCEPT",
	  "-m conntrack --ctstate INVALID,UNTRACKED -m socket --nowildcard "
	  "-j ACCEPT" },
	{ NFPROTO_IPV4, "-m socket -j ACCEPT", NULL },
	{ NFPROTO_IPV4, "-p icmp -m icmp --icmp-type 3/any -j ACCEPT",
	  "-p icmp -m icmp --icmp-type 3 -j ACCEPT" },
	{ NFPROTO_IPV6, "-p icmpv6 -m icmp6 --icmpv6-type 135 -j ACCEPT",
	  "-p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT" },
	{ NFPROTO_IPV4, "-p tcp -f -j ACCEPT", NULL },
	{ NFPROTO_IPV6, "-m frag --fragfirst -j RETURN", NULL },
	{ NFPROTO_IPV6, "-p tcp -m frag --fragid 0:4294967295 -j ACCEPT",
	  "-p tcp -m frag -j ACCEPT" },
	{ NFPROTO_IPV6, "-m addrtype --src-type LOCAL -j ACCEPT", NULL },
	{ NFPROTO_IPV4, "-m addrtype ! --dst-type "
	  "LOCAL,BROADCAST,ANYCAST,MULTICAST -j ACCEPT", NULL },
	{ NFPROTO_IPV6, "-m addrtype ! --dst-type MULTICAST -m addrtype "
	  "! --dst-type LOCAL,ANYCAST -j ACCEPT", NULL },
	{ NFPROTO_IPV4, "-m addrtype ! --dst-type LOCAL,ANYCAST -j ACCEPT",
	  NULL },
	{ NFPROTO_IPV6, "-m addrtype ! --dst-type LOCAL,ANYCAST -j ACCEPT",
	  NULL },
	{ NFPROTO_IPV4, "-m addrtype --dst-type LOCAL,BROADCAST,MULTICAST "
	  "-j ACCEPT", NULL },
	{ NFPROTO_IPV4, "-m comment --comment \"it's \\\"so\\\"\" -j ACCEPT",
	  "-m comment --comment \"it\\'s \\\"so\\\"\" -j ACCEPT" },
	{ NFPROTO_IPV4, "-m comment --comment ctpolicy -j CTPOLICY-INPUT",
	  NULL },
	{ NFPROTO_IPV4, "-p tcp -m set --match-set ctpolicy-p dst -j ACCEPT",
	  NULL },
	{ NFPROTO_IPV4, "-m set --match-set ctpolicy-n4 src -j ACCEPT", NULL },
	{ NFPROTO_IPV6, "-m set --match-set ctpolicy-np6 src,dst -j ACCEPT",
	  NULL },
	{ NFPROTO_IPV4, "-m set --match-set ctpolicy-ipn dst,src,src "
	  "-j ACCEPT", NULL },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		enum verdict v;
		_cleanup_free_ char *got = around(good[i].in, good[i].family,
						  &v);

		assert_int_not_equal(v, VERDICT_UNKNOWN);
		assert_string_equal(got, good[i].out ? good[i].out :
						       good[i].in);
	}
}

/* Rules that mean more or less than ctpolicy's ever do. */
static const char *const unknown_v6[] = {
	"-m frag -j RETURN", "-m frag --fragid 0:4294967295 -j RETURN",
	"-m multiport --dports 80 -j ACCEPT",
	"-m icmp6 --icmpv6-type 135 -j ACCEPT",
	"-p udp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
};

static const char *const unknown[] = {
	"-p tcp -m tcp -j ACCEPT", "-p udp -m udp -j CT --notrack",
	"-p tcp -m tcp -m multiport --dports 80 -j ACCEPT",
	"-p icmp -m icmp -j ACCEPT", "-m conntrack -j ACCEPT",
	"-p icmp -m icmp --icmp-type any -j ACCEPT",
	("-m addrtype ! --dst-type MULTICAST -m addrtype "
	 "! --dst-type LOCAL,ANYCAST -j ACCEPT"),
	"", "-p tcp", "-j DROP", "-j LOG", "-g CTPOLICY-INPUT", "-j CT",
	"-j CT --notrack -j ACCEPT", "-j CT --helper ftp",
	"! -s 10.0.0.0/8 -j ACCEPT", "-s 10.0.0.0/255.0.255.0 -j ACCEPT",
	"-s 2001:db8::/32 -j ACCEPT", "-p tcp ! -i lo -j ACCEPT",
	"-p nosuch -j ACCEPT", "! -p udp -j ACCEPT",
	"! -p tcp -p udp -j ACCEPT", "-p udp ! -p tcp -j ACCEPT",
	"-m limit -j ACCEPT",
	"-p tcp -m tcp --dport 80:x -j ACCEPT",
	"-p tcp -m tcp --dport 81:80 -j ACCEPT",
	"-p tcp -m multiport --ports 80 -j ACCEPT",
	"-p tcp -m multiport ! --dports 80 -j ACCEPT",
	"-p tcp -m tcp --dport 1 -m tcp --dport 2 -j ACCEPT",
	"-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT",
	"-p tcp -m tcp --syn -j ACCEPT",
	"-m conntrack --ctstate NEW,UNTRACKED -j ACCEPT",
	"-m conntrack ! --ctstate UNTRACKED -j ACCEPT",
	"-p icmp -m icmp --icmp-type 3/4 -j ACCEPT",
	"-m addrtype ! --src-type LOCAL -j ACCEPT",
	"-m addrtype --src-type UNICAST -j ACCEPT",
	"-m addrtype ! --dst-type MULTICAST -j ACCEPT",
	"! -f -j ACCEPT",
	"-m socket --transparent -j ACCEPT",
	"-m socket -m socket --nowildcard -j ACCEPT",
	"-m socket --nowildcard -m socket -j ACCEPT",
	"-m set --match-set other src -j ACCEPT",
	"-m set ! --match-set ctpolicy-n4 src -j ACCEPT",
	"-m set --match-set ctpolicy-n4 src,dst -j ACCEPT",
	"-m set --match-set ctpolicy-n4 -j ACCEPT",
	"-m comment --comment", "! -j ACCEPT", "-m", "!",
};

static void check_unknown(const char *line, uint8_t family)
{
	enum verdict v;
	_cleanup_free_ char *got = around(line, family, &v);

	assert_int_equal(v, VERDICT_UNKNOWN);
	assert_string_equal(got, line);
}

static void test_unknown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		check_unknown(unknown[i], NFPROTO_IPV4);
	for (size_t i = 0; i < ARRAY_SIZE(unknown_v6); i++)
		check_unknown(unknown_v6[i], NFPROTO_IPV6);
}

static void test_split(void **state)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	static const char line[] = "  -m comment --comment \"a \\\" b\" c\\ d";

	(void)state;
	assert_int_equal(ipt_args_split(line, strlen(line), &a), 0);
	assert_int_equal(a.n, 5);
	assert_string_equal(a.v[3], "a \" b");
	assert_int_equal(a.col[3], 24);
	assert_string_equal(a.v[4], "c d");
	assert_null(a.v[5]);
	ipt_args_release(&a);
	assert_int_equal(ipt_args_split("a \"b", 4, &a), -EINVAL);
}

static void test_set_lines(void **state)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	const struct image_set *s;

	(void)state;
	assert_int_equal(take_set_line("add ctpolicy-ipn "
				       "192.0.2.1,tcp:80,10.0.0.0/8 "
				       "comment \"web: x\""), 0);
	assert_int_equal(take_set_line("add other 1.2.3.4"), 0);
	s = image_find_set(sets, "ctpolicy-ipn");
	assert_int_equal(s->elems.n, 1);
	assert_int_equal(s->proto, IPPROTO_TCP);
	assert_string_equal(elems_origin(&s->elems, 0)->service, "web");
	ipt_set_print_elem(s, 0, &b);
	assert_string_equal(strbuf_str(&b), "192.0.2.1,tcp:80,10.0.0.0/8");
	/* Nothing that ctpolicy writes: no members, and another set. */
	assert_int_equal(take_set_line("add ctpolicy-ipn "
				       "192.0.2.1,udp:80,10.0.0.0/8"), 0);
	assert_int_equal(take_set_line("add ctpolicy-n4 10.0.0.0/8 nomatch"),
			 0);
	assert_int_equal(s->elems.n, 1);
	assert_string_equal(s->kind, "unknown");
	assert_string_equal(image_find_set(sets, "ctpolicy-n4")->kind,
			    "unknown");
	take_set_line("create ctpolicy-t hash:net comment timeout 9");
	assert_string_equal(image_find_set(sets, "ctpolicy-t")->kind,
			    "unknown");
	assert_int_equal(take_set_line("add ctpolicy-n4 10.0.0.1/8"), -EINVAL);
	assert_int_equal(take_set_line("add ctpolicy-n4 1.2.3.4,5"), -EINVAL);
	assert_int_equal(take_set_line("add ctpolicy-ipn 1.2.3.4"), -EINVAL);
	assert_int_equal(take_set_line("add ctpolicy-no 1.2.3.4"), -EINVAL);
	assert_int_equal(take_set_line("create ctpolicy-p hash:ip"), -EINVAL);
	assert_int_equal(take_set_line("flush ctpolicy-p"), -EINVAL);
	assert_int_equal(take_set_line("create ctpolicy-odd list:set"), 0);
	assert_int_equal(take_set_line("add ctpolicy-odd what-not"), 0);
}

static void test_range_len(void **state)
{
	static const struct {
		uint8_t first[4], last[4];
		int len;
	} t[] = {
		{ { 10, 0, 0, 0 }, { 10, 255, 255, 255 }, 8 },
		{ { 0, 0, 0, 0 }, { 255, 255, 255, 255 }, 0 },
		{ { 1, 2, 3, 4 }, { 1, 2, 3, 4 }, 32 },
		{ { 1, 2, 3, 4 }, { 1, 2, 3, 5 }, 31 },
		{ { 1, 2, 3, 5 }, { 1, 2, 3, 6 }, -1 },
		{ { 10, 0, 0, 0 }, { 10, 255, 255, 254 }, -1 },
		{ { 10, 0, 0, 1 }, { 10, 255, 255, 255 }, -1 },
		{ { 10, 0, 0, 0 }, { 12, 255, 255, 255 }, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(ipt_range_len(t[i].first, t[i].last, 4),
				 t[i].len);
}

/* 10.0.0.1-10.0.0.6, ports 80-81: 1/32 2/31 4/31 6/32, twice. */
static void test_fit(void **state)
{
	static const enum field_type f[] = { FIELD_PORT, FIELD_ADDR4 };
	static const uint8_t first[] = { 0, 80, 10, 0, 0, 1 };
	static const uint8_t last[] = { 0, 81, 10, 0, 0, 6 };
	static const uint8_t all0[] = { 0, 9, 0, 0, 0, 0 };
	static const uint8_t all1[] = { 0, 9, 255, 255, 255, 255 };
	_cleanup_(elems_release) struct elems e = { 0 };

	(void)state;
	elems_init(&e, f, 2);
	assert_int_equal(elems_add(&e, first, last, NULL), 0);
	assert_int_equal(ipt_elems_fit(&e), 0);
	assert_int_equal(e.n, 8);
	/* No ipset holds a network of length 0: two halves. */
	assert_int_equal(elems_add(&e, all0, all1, NULL), 0);
	assert_int_equal(ipt_elems_fit(&e), 0);
	assert_int_equal(e.n, 10);
	assert_true(ipt_elems_field_exact(&e, 0));
	assert_false(ipt_elems_field_exact(&e, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test(test_split),
		cmocka_unit_test_setup_teardown(test_set_lines, setup,
						teardown),
		cmocka_unit_test(test_range_len),
		cmocka_unit_test(test_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
