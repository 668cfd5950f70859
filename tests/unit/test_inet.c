/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_inet.c: addresses, ports, interfaces and protocols. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/inet.h"
#include "core/mem.h"
#include "core/strbuf.h"

static void assert_prefix(const char *in, const char *out)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct prefix p;

	assert_int_equal(prefix_parse(in, &p), 0);
	prefix_print(&p, &b);
	assert_string_equal(strbuf_str(&b), out);
}

static void test_prefix(void **state)
{
	static const struct {
		const char *text;
		int err;
	} bad[] = {
		{ "10.0.0.1/8", -EDOM },      { "2001:db8::1/32", -EDOM },
		{ "10.0.0.0/33", -ERANGE },   { "::/129", -ERANGE },
		{ "10.0.0", -EINVAL },	      { "", -EINVAL },
		{ "/8", -EINVAL },	      { "10.0.0.0/", -EINVAL },
		{ "10.0.0.0/08", -EINVAL },   { "10.0.0.0/+8", -EINVAL },
		{ "010.0.0.1", -EINVAL },     { "10.0.0.1 ", -EINVAL },
		{ "example.com", -EINVAL },   { "fe80::1%eth0", -EINVAL },
		{ "10.0.0.0/8/8", -EINVAL },
	};
	struct prefix p;

	(void)state;
	assert_prefix("10.0.0.0/8", "10.0.0.0/8");
	assert_prefix("192.0.2.1/32", "192.0.2.1");
	assert_prefix("0.0.0.0/0", "0.0.0.0/0");
	assert_prefix("2001:DB8:0::0/32", "2001:db8::/32");
	assert_prefix("::1", "::1");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(prefix_parse(bad[i].text, &p), bad[i].err);
}

/* Addresses are those that inet_pton(3) takes. */
static void test_hosts(void **state)
{
	static const char *const parts[] = {
		"0", "1", "9", "25", "255", "256", "00", "01", "10", "100",
		"1000", "", ".", "..", " ", "a", ":", "-1",
	};
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		_cleanup_(strbuf_release) struct strbuf text = { 0 };
		uint8_t want[16] = { 0 };
		struct prefix p;

		for (int k = 0; k < 4; k++) {
			random = random * 1664525 + 1013904223;
			strbuf_printf(&text, "%s%s", k ? "." : "",
				      parts[(random >> 16) %
					    (i % 2 ? 5 : ARRAY_SIZE(parts))]);
		}
		assert_int_equal(prefix_parse(strbuf_str(&text), &p) == 0,
				 inet_pton(AF_INET, strbuf_str(&text),
					   want) == 1);
		if (!prefix_parse(strbuf_str(&text), &p))
			assert_memory_equal(p.addr, want, sizeof(want));
	}
}

static void test_prefix_sets(void **state)
{
	static const char *const in[] = { "10.1.0.0/16", "2001:db8::/32",
					  "10.0.0.0/8", "10.0.0.0/8",
					  "192.0.2.1" };
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 }, v6 = { 0 };
	struct prefix p;
	uint8_t last[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		assert_int_equal(prefix_parse(in[i], &p), 0);
		assert_int_equal(prefix_set_add(&s, &p), 0);
	}
	prefix_set_normalize(&s);
	assert_int_equal(s.n, 3);
	assert_int_equal(prefix_set_copy(&s, AF_INET6, &v6), 0);
	assert_int_equal(v6.n, 1);
	assert_int_equal(prefix_parse("10.0.0.0/9", &p), 0);
	prefix_last(&p, last);
	assert_memory_equal(last, ((uint8_t[]){ 10, 127, 255, 255 }), 4);
}

/* Of both families, many within others, and addresses of one network. */
static struct prefix random_prefix(void)
{
	struct prefix p = { .family = rand() % 2 ? AF_INET : AF_INET6 };
	bool v4 = p.family == AF_INET;
	unsigned int bits = v4 ? 32 : 128;

	p.len = (uint8_t)(rand() % 2 ? bits : 8 + (unsigned int)rand() % 24);
	p.addr[0] = 10;
	p.addr[v4 ? 3 : 15] = (uint8_t)rand();
	p.addr[1] = (uint8_t)(v4 || rand() % 2 ? rand() : 1);
	for (unsigned int i = p.len; i < bits; i++)
		p.addr[i / 8] &= (uint8_t)~(0x80 >> i % 8);
	return p;
}

/* Sorted, and none inside another. */
static size_t in_order(const struct prefix_set *s)
{
	for (size_t i = 1; i < s->n; i++) {
		struct prefix a = prefix_set_at(s, i - 1);
		struct prefix b = prefix_set_at(s, i);

		assert_true(prefix_cmp(&a, &b) < 0 && !prefix_contains(&a, &b));
	}
	return s->n;
}

static bool is_one_of(const struct prefix_set *s, const struct prefix *p)
{
	for (size_t i = 0; i < s->n; i++) {
		struct prefix x = prefix_set_at(s, i);

		if (!prefix_cmp(&x, p))
			return true;
	}
	return false;
}

static bool is_within_one(const struct prefix_set *s, const struct prefix *p)
{
	for (size_t i = 0; i < s->n; i++) {
		struct prefix x = prefix_set_at(s, i);

		if (prefix_contains(&x, p))
			return true;
	}
	return false;
}

static void test_many_prefixes(void **state)
{
	(void)state;
	srand(3);
	for (size_t n = 2; n < 3000; n = n * 3 + 1) {
		_cleanup_(prefix_set_release) struct prefix_set s = { 0 };
		_cleanup_(prefix_set_release) struct prefix_set was = { 0 };

		for (size_t i = 0; i < n; i++) {
			struct prefix p = random_prefix();

			assert_int_equal(prefix_set_add(&s, &p), 0);
		}
		assert_int_equal(prefix_set_copy(&s, AF_UNSPEC, &was), 0);
		prefix_set_normalize(&s);
		assert_int_equal(in_order(&s), s.n);
		for (size_t i = 0; i < n; i++) {
			struct prefix p = prefix_set_at(&was, i);

			assert_true(prefix_set_holds(&s, &p));
			assert_true(is_within_one(&s, &p));
		}
		for (size_t i = 0; i < s.n; i++) {
			struct prefix p = prefix_set_at(&s, i);

			assert_true(is_one_of(&was, &p));
		}
	}
}

/* Copies of what is in order share its memory, and none sees another change. */
static void test_shared_prefixes(void **state)
{
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 }, a = { 0 },
							b = { 0 }, c = { 0 };
	struct prefix p = { AF_INET, 32, { 10, 0, 0, 9 } };

	(void)state;
	for (; p.addr[3]; p.addr[3]--)
		assert_int_equal(prefix_set_add(&s, &p), 0);
	assert_int_equal(prefix_set_copy(&s, AF_INET, &a), 0);
	assert_ptr_not_equal(a.many, s.many);
	prefix_set_normalize(&s);
	assert_int_equal(prefix_set_at(&a, 0).addr[3], 9);
	prefix_set_release(&a);
	assert_int_equal(prefix_set_copy(&s, AF_UNSPEC, &a), 0);
	assert_int_equal(prefix_set_copy(&a, AF_INET, &b), 0);
	assert_int_equal(prefix_set_copy(&a, AF_INET6, &c), 0);
	assert_ptr_equal(a.many, s.many);
	assert_ptr_equal(b.many, s.many);
	assert_int_equal(c.n, 0);
	assert_int_equal(prefix_set_add(&b, &p), 0);
	prefix_set_normalize(&b);
	assert_int_equal(in_order(&b), 10);
	assert_int_equal(in_order(&s), 9);
	assert_int_equal(prefix_set_add(&s, &p), 0);
	prefix_set_normalize(&s);
	assert_int_equal(in_order(&s), 10);
	prefix_set_release(&s);
	assert_int_equal(in_order(&a), 9);
	prefix_set_normalize(&a);
	assert_int_equal(prefix_set_add(&a, &p), 0);
	assert_int_equal(a.n, 10);
}

/* One alone needs no memory, and is a set like any other. */
static void test_one_prefix(void **state)
{
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 }, a = { 0 };
	struct prefix p = { AF_INET6, 64, { 0x20, 0x01 } };

	(void)state;
	assert_int_equal(prefix_set_add(&s, &p), 0);
	assert_null(s.many);
	assert_true(prefix_set_has_family(&s, AF_INET6));
	assert_false(prefix_set_has_family(&s, AF_INET));
	assert_int_equal(prefix_set_copy(&s, AF_INET, &a), 0);
	assert_int_equal(a.n, 0);
	assert_int_equal(prefix_set_copy(&s, AF_INET6, &a), 0);
	assert_int_equal(prefix_set_cmp(&s, &a), 0);
	p.addr[8] = 1;
	p.len = 128;
	assert_true(prefix_set_contains(&a, AF_INET6, p.addr));
	assert_int_equal(prefix_set_add(&a, &p), 0);
	p.addr[0] = 0x10;
	assert_int_equal(prefix_set_add(&a, &p), 0);
	assert_true(prefix_set_cmp(&s, &a));
	prefix_set_normalize(&a);
	assert_int_equal(in_order(&a), 2);
	assert_false(prefix_set_contains(&s, AF_INET6, p.addr));
	assert_true(prefix_set_contains(&a, AF_INET6, p.addr));
	assert_int_equal(s.n, 1);
}

static void test_ports(void **state)
{
	static const char *const bad[] = { "", "-", "80-", "-80", "90-80",
					   "080", "0x50", "8 0", "80:90",
					   "+80", "1-2-3" };
	_cleanup_(port_set_release) struct port_set s = { 0 };
	struct port_range r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(port_range_parse(bad[i], &r), -EINVAL);
	assert_int_equal(port_range_parse("65536", &r), -ERANGE);
	assert_int_equal(port_range_parse("99999999999", &r), -ERANGE);
	assert_int_equal(port_range_parse("0-65535", &r), 0);
	assert_int_equal(r.last, 65535);
	port_set_add(&s, (struct port_range){ 81, 81 });
	port_set_add(&s, (struct port_range){ 80, 80 });
	port_set_add(&s, (struct port_range){ 100, 200 });
	port_set_add(&s, (struct port_range){ 150, 250 });
	port_set_normalize(&s);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.v[2].last, 250);
}

static void test_ifaces(void **state)
{
	static const char *const bad[] = { "", "*", ".", "..", "a/b",
					   "a b", "a*b", "0123456789abcdef",
					   "a\"b", "0123456789abcde*" };
	static const char *const in[] = { "wan*", "wan0", "eth0", "eth0",
					  "wan", "wan1*" };
	_cleanup_(iface_set_release) struct iface_set s = { 0 };
	struct iface i;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++)
		assert_int_equal(iface_parse(bad[k], &i), -EINVAL);
	for (size_t k = 0; k < ARRAY_SIZE(in); k++) {
		assert_int_equal(iface_parse(in[k], &i), 0);
		assert_int_equal(iface_set_add(&s, &i), 0);
	}
	iface_set_normalize(&s);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.v[0].name, "eth0");
	assert_true(s.v[1].wild);
}

static void test_protocols(void **state)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	(void)state;
	assert_int_equal(protocol_number("tcp"), 6);
	assert_int_equal(protocol_number("132"), 132);
	assert_int_equal(protocol_number("0"), -ERANGE);
	assert_int_equal(protocol_number("256"), -ERANGE);
	assert_int_equal(protocol_number("010"), -EINVAL);
	assert_int_equal(protocol_number("tpc"), -EINVAL);
	protocol_print(IPPROTO_GRE, &b);
	strbuf_puts(&b, " ");
	protocol_print(IPPROTO_IPIP, &b);
	strbuf_puts(&b, " ");
	protocol_print(200, &b);
	/* nft and iptables have "ipip" for another protocol */
	assert_string_equal(strbuf_str(&b), "gre 4 200");
	assert_int_equal(protocol_number("ipip"), IPPROTO_IPIP);
	assert_true(protocol_has_ports(IPPROTO_DCCP));
	assert_false(protocol_has_ports(IPPROTO_GRE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_prefix_sets),
		cmocka_unit_test(test_one_prefix),
		cmocka_unit_test(test_many_prefixes),
		cmocka_unit_test(test_shared_prefixes),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_ifaces),
		cmocka_unit_test(test_protocols),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
