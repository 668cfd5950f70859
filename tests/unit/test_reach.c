/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_reach.c: a reach is never smaller than what rules drop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "backends/lower/reach.h"
#include "core/mem.h"

#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>

#define ANY { 0, UINT16_MAX }

static const struct reach telnet = { IPPROTO_TCP, ANY, { 23, 23 } };
static const struct reach low_tcp = { IPPROTO_TCP, ANY, { 0, 1023 } };
static const struct reach dns = { IPPROTO_UDP, ANY, { 53, 53 } };

/* Not as memory: there is padding behind the protocol. */
static void assert_reach(const struct reach *a, const struct reach *b)
{
	assert_int_equal(a->proto, b->proto);
	assert_int_equal(a->sport.first, b->sport.first);
	assert_int_equal(a->sport.last, b->sport.last);
	assert_int_equal(a->dport.first, b->dport.first);
	assert_int_equal(a->dport.last, b->dport.last);
}

static void test_narrow(void **unused)
{
	struct reach r = reach_any;

	(void)unused;
	assert_true(reach_narrow(&r, &low_tcp));
	assert_true(reach_narrow(&r, &telnet));
	assert_int_equal(r.proto, IPPROTO_TCP);
	assert_int_equal(r.dport.first, 23);
	assert_int_equal(r.dport.last, 23);
	assert_int_equal(r.sport.last, UINT16_MAX);
	assert_false(reach_narrow(&r, &dns));
}

static void test_set_keeps_what_is_new(void **unused)
{
	struct reach_set s = { .n = 0 };

	(void)unused;
	assert_true(reach_set_add(&s, &low_tcp));
	assert_false(reach_set_add(&s, &telnet));
	assert_true(reach_set_add(&s, &dns));
	assert_int_equal(s.n, 2);
	assert_true(reach_set_add(&s, &reach_any));
	assert_true(s.any);
	assert_int_equal(s.n, 0);
	assert_false(reach_set_add(&s, &dns));
}

/* What does not fit may not be forgotten: the set then means any packet. */
static void test_full_set_is_any(void **unused)
{
	struct reach_set s = { .n = 0 };

	(void)unused;
	for (uint16_t i = 1; i <= REACH_SET_MAX + 1; i++) {
		struct reach r = { IPPROTO_TCP, ANY, { i, i } };

		assert_false(s.any);
		assert_true(reach_set_add(&s, &r));
	}
	assert_true(s.any);
}

static bool meets(const struct reach *r, uint8_t proto, enum leg leg,
		  uint16_t port)
{
	struct rule rule = { .leg = leg };
	struct port_range p = { port, port };
	struct reach_set s = { .n = 0 };
	struct port_set *own;
	bool yes;

	rule.match.proto = proto;
	own = leg == LEG_REPLY ? &rule.match.sport : &rule.match.dport;
	assert_int_equal(port_set_add(own, p), 0);
	reach_set_add(&s, r);
	yes = reach_set_meets(&s, &rule);
	port_set_release(own);
	return yes;
}

static void test_meets(void **unused)
{
	const struct reach low_source = { IPPROTO_TCP, { 0, 1023 }, ANY };

	(void)unused;
	assert_true(meets(&telnet, IPPROTO_TCP, LEG_REQUEST, 23));
	assert_false(meets(&telnet, IPPROTO_TCP, LEG_REQUEST, 22));
	assert_false(meets(&telnet, IPPROTO_UDP, LEG_REQUEST, 23));
	assert_true(meets(&reach_any, IPPROTO_UDP, LEG_REPLY, 53));
	/* a client has no privileged port, but for the service's own */
	assert_false(meets(&low_source, IPPROTO_TCP, LEG_REQUEST, 8080));
	assert_true(meets(&low_source, IPPROTO_TCP, LEG_REQUEST, 123));
	assert_false(meets(&low_tcp, IPPROTO_TCP, LEG_REPLY, 8080));
}

static void test_fragments_have_no_ports(void **unused)
{
	const struct reach udp = { IPPROTO_UDP, ANY, ANY };
	struct rule rule = { .leg = LEG_REQUEST };
	struct reach_set s = { .n = 0 };

	(void)unused;
	rule.match.proto = IPPROTO_UDP;
	rule.match.fragment_tail = true;
	reach_set_add(&s, &dns);
	assert_false(reach_set_meets(&s, &rule));
	reach_set_add(&s, &udp);
	assert_true(reach_set_meets(&s, &rule));
}

static void test_tcp_match(void **unused)
{
	struct xt_tcp tcp = { .spts = ANY, .dpts = { 20, 30 } };
	struct reach r = reach_any;

	(void)unused;
	assert_true(reach_narrow_xt(&r, "tcp", &tcp, sizeof(tcp)));
	assert_int_equal(r.proto, IPPROTO_TCP);
	assert_int_equal(r.dport.first, 20);
	assert_int_equal(r.dport.last, 30);
	/* "! --dport" leaves the others: nothing is narrowed */
	r = reach_any;
	tcp.invflags = XT_TCP_INV_DSTPT;
	assert_true(reach_narrow_xt(&r, "tcp", &tcp, sizeof(tcp)));
	assert_int_equal(r.dport.last, UINT16_MAX);
	/* nor by a struct that is cut short, or a match that is not known */
	r = reach_any;
	assert_true(reach_narrow_xt(&r, "tcp", &tcp, sizeof(tcp) - 1));
	assert_true(reach_narrow_xt(&r, "recent", NULL, 0));
	assert_reach(&r, &reach_any);
}

static void test_multiport_match(void **unused)
{
	struct xt_multiport_v1 m = {
		.flags = XT_MULTIPORT_DESTINATION, .count = 3,
		.ports = { 443, 80, 8080 },
	};
	struct reach r = reach_any;

	(void)unused;
	assert_true(reach_narrow_xt(&r, "multiport", &m, sizeof(m)));
	assert_int_equal(r.dport.first, 80);
	assert_int_equal(r.dport.last, 8080);
	r = reach_any;
	m.count = XT_MULTI_PORTS + 1;	/* not from this kernel */
	assert_true(reach_narrow_xt(&r, "multiport", &m, sizeof(m)));
	m.count = 3;
	m.flags = XT_MULTIPORT_EITHER;
	assert_true(reach_narrow_xt(&r, "multiport", &m, sizeof(m)));
	assert_reach(&r, &reach_any);
}

static const int *loads_fail;

/* 0 jumps to 1 for low tcp, 1 and 2 to each other; 2 drops telnet and dns. */
static int load(struct reach_graph *g, size_t i, void *arg)
{
	struct reach_chain *c = &g->v[i];
	int *loads = arg;

	loads[i]++;
	if (loads_fail)
		return *loads_fail;
	if (i == 2) {
		reach_set_add(&c->drops, &telnet);
		reach_set_add(&c->drops, &dns);
		return reach_chain_add_jump(c, 1, &reach_any);
	}
	return reach_chain_add_jump(c, i + 1, i ? &reach_any : &low_tcp);
}

static void test_search(void **unused)
{
	struct reach_chain v[4] = { { .n_jumps = 0 } };
	int loads[4] = { 0 };
	struct reach_graph g = { v, 4, load, loads };
	struct reach_set found = { .n = 0 };

	(void)unused;
	assert_int_equal(reach_search(&g, 0, &found), 0);
	assert_int_equal(found.n, 1);
	assert_reach(&found.v[0], &telnet);
	assert_int_equal(reach_search(&g, 1, &found), 0);
	assert_int_equal(found.n, 2);
	assert_int_equal(loads[0], 1);
	assert_int_equal(loads[1], 1);
	assert_int_equal(loads[2], 1);
	assert_int_equal(loads[3], 0);	/* no packet comes there */
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		reach_chain_release(&v[i]);
}

static void test_failed_search_leaves_output(void **unused)
{
	static const int gone = -EIO;
	struct reach_chain v[4] = { { .n_jumps = 0 } };
	int loads[4] = { 0 };
	struct reach_graph g = { v, 4, load, loads };
	struct reach_set found = { .any = true };

	(void)unused;
	loads_fail = &gone;
	assert_int_equal(reach_search(&g, 0, &found), -EIO);
	loads_fail = NULL;
	assert_true(found.any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_set_keeps_what_is_new),
		cmocka_unit_test(test_full_set_is_any),
		cmocka_unit_test(test_meets),
		cmocka_unit_test(test_fragments_have_no_ports),
		cmocka_unit_test(test_tcp_match),
		cmocka_unit_test(test_multiport_match),
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_failed_search_leaves_output),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
