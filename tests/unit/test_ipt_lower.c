/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_ipt_lower.c: which services share rules and ipsets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/iptables/ipt.h"
#include "core/mem.h"

/* Services enough for any test here. */
#define ORIGINS 400
static struct origin origins[ORIGINS];
static char names[ORIGINS][8];

static int name_origins(void **state)
{
	(void)state;
	for (size_t i = 0; i < ORIGINS; i++) {
		snprintf(names[i], sizeof(names[i]), "s%zu", i);
		origins[i] = (struct origin){ .service = names[i] };
	}
	return 0;
}

static struct rule *add(struct ruleset *rs, size_t service, uint8_t family,
			uint8_t proto)
{
	struct rule *r = ruleset_add(rs);

	assert_non_null(r);
	r->hook = HOOK_PREROUTING;
	r->action = ACTION_NOTRACK;
	r->leg = LEG_REQUEST;
	r->rank = RANK_SERVICE;
	r->match.family = family;
	r->match.proto = proto;
	r->origin = &origins[service];
	rs->ipv4 = rs->ipv6 = true;
	return r;
}

static void port(struct rule *r, uint16_t first, uint16_t last)
{
	assert_int_equal(port_set_add(&r->match.dport,
				      (struct port_range){ first, last }), 0);
}

static void addr(struct prefix_set *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void addr(struct prefix_set *s, const char *fmt, ...)
{
	struct prefix p;
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	assert_int_equal(prefix_parse(text, &p), 0);
	assert_int_equal(prefix_set_add(s, &p), 0);
}

static struct image *lower(struct ruleset *rs)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	struct image *img = NULL;

	ruleset_normalize(rs);
	assert_int_equal(ipt_lower(rs, NULL, NULL, &img, &d), 0);
	ruleset_release(rs);
	return img;
}

static char *text_of(const struct image *img)
{
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	assert_int_equal(ipt_render(img, f), 0);
	fclose(f);
	return out;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *s = text; (s = strstr(s, what)); s += strlen(what))
		n++;
	return n;
}

static void test_multiport(void **state)
{
	struct ruleset rs = { 0 };
	struct rule *r = add(&rs, 0, AF_UNSPEC, IPPROTO_TCP);
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	/* 14 slots, then a range that needs two */
	for (uint16_t i = 0; i < 14; i++)
		port(r, 100 + 2 * i, 100 + 2 * i);
	port(r, 1000, 2000);
	img = lower(&rs);
	text = text_of(img);
	assert_int_equal(count(text, "--notrack"), 2);
	assert_int_equal(count(text, "--dports 1000:2000 "), 1);
	assert_int_equal(count(text, "-4 "), 0);
}

static void test_ports_become_a_set(void **state)
{
	struct ruleset rs = { 0 };
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (uint16_t i = 0; i < 100; i++)
		port(add(&rs, i, AF_UNSPEC, IPPROTO_UDP), 1000 + i, 1000 + i);
	port(add(&rs, 200, AF_UNSPEC, IPPROTO_UDP), 20000, 30000);
	img = lower(&rs);
	text = text_of(img);
	/* The wide range stays a rule; one set serves both families. */
	assert_int_equal(count(text, "--notrack"), 2);
	assert_int_equal(count(text, "--dports 20000:30000"), 1);
	assert_int_equal(count(text, "#ipset create"), 1);
	assert_int_equal(count(text, "bitmap:port"), 1);
	assert_int_equal(count(text, "#ipset add"), 100);
}

/* No set type knows DCCP: rules it stays. */
static void test_dccp_has_no_set(void **state)
{
	struct ruleset rs = { 0 };
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (uint16_t i = 0; i < 100; i++)
		port(add(&rs, i, AF_UNSPEC, IPPROTO_DCCP), 1000 + i, 1000 + i);
	img = lower(&rs);
	text = text_of(img);
	/* What they take out is not asked about by the rest. */
	assert_int_equal(count(text, "-g CTPOLICY-PREROUTING.0\n"), 98);
	assert_int_equal(count(text, "-j CT --notrack\n"), 2 + 1);
	assert_int_equal(count(text, "#ipset"), 0);
}

/* A long list of one service is its own set, and ports stay inline. */
static void test_own_set(void **state)
{
	struct ruleset rs = { 0 };
	struct rule *r = add(&rs, 0, AF_INET, IPPROTO_TCP);
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	port(r, 80, 80);
	port(r, 443, 443);
	for (unsigned int i = 0; i < 100; i++)
		addr(&r->match.saddr, "10.0.%u.0/24", 2 * i);
	img = lower(&rs);
	text = text_of(img);
	assert_int_equal(count(text, "--notrack"), 1);
	assert_int_equal(count(text, "hash:net "), 1);
	assert_int_equal(count(text, "--dports 80,443"), 1);
	assert_int_equal(count(text, "#ipset add"), 100);
	assert_null(image_find_table(img, NFPROTO_IPV6, "raw"));
}

static void test_fused(void **state)
{
	struct ruleset rs = { 0 };
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		struct rule *r = add(&rs, i, AF_INET6, IPPROTO_TCP);

		port(r, (uint16_t)(100 + 4 * i), (uint16_t)(101 + 4 * i));
		addr(&r->match.saddr, "2001:db8:%x::/48", i);
	}
	img = lower(&rs);
	text = text_of(img);
	assert_int_equal(count(text, "--notrack"), 1);
	assert_int_equal(count(text, "hash:net,port family inet6"), 1);
	assert_int_equal(count(text, "src,dst"), 1);
	assert_int_equal(count(text, "#ipset add"), 200);
	assert_int_equal(count(text, "comment \"s7\""), 2);
}

/* Two networks: one lookup for each side, joined by a port of their own. */
static void test_two_networks(void **state)
{
	struct ruleset rs = { 0 };
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (unsigned int i = 0; i < 102; i++) {
		struct rule *r = add(&rs, i, AF_INET, IPPROTO_TCP);
		uint16_t p = (uint16_t)(i < 100 ? 100 + i : 9999);

		port(r, p, p);
		addr(&r->match.saddr, "10.%u.0.0/16", i);
		addr(&r->match.daddr, "192.168.%u.0/24", i);
	}
	img = lower(&rs);
	text = text_of(img);
	/* The two that share port 9999 have a rule each. */
	assert_int_equal(count(text, "--notrack"), 3);
	assert_int_equal(count(text, "#ipset create"), 2);
	assert_int_equal(count(text, "#ipset add"), 200);
	assert_int_equal(count(text, "src,dst -m set"), 1);
	assert_int_equal(count(text, "dst,dst"), 1);
}

static void test_one_side_exact(void **state)
{
	struct ruleset rs = { 0 };
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (unsigned int i = 0; i < 60; i++) {
		struct rule *r = add(&rs, i, AF_INET, IPPROTO_TCP);

		port(r, 80, 80);
		addr(&r->match.saddr, i % 2 ? "10.%u.0.0/16" : "10.%u.0.1", i);
		addr(&r->match.daddr, i % 2 ? "192.168.0.%u" :
					      "192.168.%u.0/24", i);
	}
	img = lower(&rs);
	text = text_of(img);
	assert_int_equal(count(text, "--notrack"), 2);
	assert_int_equal(count(text, "hash:ip,port,net "), 2);
	assert_int_equal(count(text, "src,dst,dst"), 1);
	assert_int_equal(count(text, "dst,dst,src"), 1);
}

/* The exact side goes first, of requests and of answers to them. */
static void test_answers_to_networks(void **state)
{
	struct ruleset rs = { 0 };
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (unsigned int i = 0; i < 60; i++) {
		struct rule *r = add(&rs, i, AF_INET, IPPROTO_TCP);

		r->hook = HOOK_OUTPUT;
		r->leg = LEG_REPLY;
		assert_int_equal(port_set_add(&r->match.sport,
					      (struct port_range){ 80, 80 }),
				 0);
		addr(&r->match.daddr, i % 2 ? "10.%u.0.0/16" : "10.%u.0.1", i);
		addr(&r->match.saddr, i % 2 ? "192.168.0.%u" :
					      "192.168.%u.0/24", i);
	}
	img = lower(&rs);
	text = text_of(img);
	assert_int_equal(count(text, "--notrack"), 2);
	assert_int_equal(count(text, "hash:ip,port,net "), 2);
	assert_int_equal(count(text, "dst,src,src"), 1);
	assert_int_equal(count(text, "src,src,dst"), 1);
	assert_non_null(strstr(text, " 192.168.0.1,tcp:80,10.1.0.0/16"));
	assert_non_null(strstr(text, " 10.2.0.1,tcp:80,192.168.2.0/24"));
}

/* Both legs of sixty services; `lacks`: the reply of one is another's. */
static char *text_of_legs(bool networks, bool lacks)
{
	struct ruleset rs = { 0 };
	_cleanup_(image_free) struct image *img = NULL;

	for (unsigned int i = 0; i < 60; i++) {
		const char *end = networks ? "0/16" : "1";
		struct rule *r = add(&rs, i, AF_INET, IPPROTO_UDP);

		port(r, 53, 53);
		addr(&r->match.saddr, "10.%u.0.%s", i, end);
		addr(&r->match.daddr, "192.168.0.%u", 100 - i);
		r = add(&rs, lacks && !i ? 200 : i, AF_INET, IPPROTO_UDP);
		r->hook = HOOK_OUTPUT;
		r->leg = LEG_REPLY;
		assert_int_equal(port_set_add(&r->match.sport,
					      (struct port_range){ 53, 53 }),
				 0);
		addr(&r->match.daddr, "10.%u.0.%s", i, end);
		addr(&r->match.saddr, "192.168.0.%u", 100 - i);
	}
	img = lower(&rs);
	return text_of(img);
}

/* Requests and answers look into one set, where they have the same values. */
static void test_legs_share(void **state)
{
	_cleanup_free_ char *exact = text_of_legs(false, false);
	_cleanup_free_ char *nets = text_of_legs(true, false);
	_cleanup_free_ char *apart = text_of_legs(true, true);

	(void)state;
	assert_int_equal(count(exact, "#ipset create ctpolicy-n-udp4-"), 1);
	assert_int_equal(count(exact, "#ipset create "), 1);
	assert_int_equal(count(exact, "#ipset add "), 60);
	assert_int_equal(count(exact, "src,dst,dst"), 1);
	assert_int_equal(count(exact, "dst,src,src"), 1);
	assert_int_equal(count(nets, "#ipset create "), 1);
	assert_int_equal(count(nets, "dst,dst,src"), 1);
	assert_int_equal(count(nets, "src,src,dst"), 1);
	assert_int_equal(count(apart, "#ipset create "), 2);
	assert_int_equal(count(apart, "#ipset create ctpolicy-n-pre-udp4-"), 1);
	assert_int_equal(count(apart, "#ipset create ctpolicy-n-out-udp4-"), 1);
}

/* A service more must not rename the sets of the others. */
static void test_names_hold(void **state)
{
	_cleanup_(image_free) struct image *a = NULL, *b = NULL;
	_cleanup_(changeset_free) struct changeset *cs = NULL;
	struct ruleset rs = { 0 };

	(void)state;
	for (uint16_t i = 0; i < 100; i++)
		port(add(&rs, i, AF_UNSPEC, IPPROTO_UDP), 1000 + i, 1000 + i);
	a = lower(&rs);
	for (uint16_t i = 0; i < 101; i++)
		port(add(&rs, i, AF_UNSPEC, IPPROTO_UDP), 1000 + i, 1000 + i);
	b = lower(&rs);
	assert_int_equal(changeset_diff(b, a, &cs), 0);
	assert_int_equal(cs->n, 1);
	assert_int_equal(cs->steps[0].kind, STEP_ELEMENT);
}

static void test_icmp_and_tails(void **state)
{
	struct ruleset rs = { 0 };
	struct rule *r = add(&rs, 0, AF_INET6, IPPROTO_ICMPV6);
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_free_ char *text = NULL;

	(void)state;
	r->hook = HOOK_INPUT;
	r->action = ACTION_ACCEPT;
	r->rank = RANK_ICMP;
	r->match.icmp[0] = (struct icmp_range){ 1, 4 };
	r->match.icmp[1] = (struct icmp_range){ 143, 143 };
	r->match.n_icmp = 2;
	for (size_t i = 0; i < 2; i++) {
		r = add(&rs, i, AF_INET6, i ? IPPROTO_TCP : IPPROTO_UDP);
		r->hook = HOOK_INPUT;
		r->action = ACTION_ACCEPT;
		r->rank = RANK_FRAGMENT;
		r->match.fragment_tail = true;
	}
	img = lower(&rs);
	text = text_of(img);
	assert_int_equal(count(text, "--icmpv6-type"), 5);
	assert_int_equal(count(text, "--fragfirst"), 1);
	assert_true(strstr(text, "--fragfirst") < strstr(text, "-m frag -m"));
	assert_int_equal(count(text, "-m frag -m comment"), 2);
	assert_int_equal(count(text, "-6 -N CTPOLICY-INPUT"), 1);
}

static void test_refusals(void **state)
{
	static const struct survey nft = { .iptables_nft = true };
	static const struct iface plus = { "eth+", false };
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_(ruleset_release) struct ruleset rs = { 0 };
	struct image *img = NULL;
	struct rule *r = add(&rs, 0, AF_UNSPEC, IPPROTO_TCP);

	(void)state;
	port(r, 80, 80);
	assert_int_equal(ipt_lower(&rs, &nft, NULL, &img, &d),
			 -FAULT_CONFLICT);
	assert_int_equal(d.errors, 1);
	assert_non_null(strstr(d.v[0].help, "--backend nftables"));
	iface_set_add(&r->match.iif, &plus);
	assert_int_equal(ipt_lower(&rs, NULL, NULL, &img, &d), -EOPNOTSUPP);
	assert_null(img);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiport),
		cmocka_unit_test(test_ports_become_a_set),
		cmocka_unit_test(test_dccp_has_no_set),
		cmocka_unit_test(test_own_set),
		cmocka_unit_test(test_fused),
		cmocka_unit_test(test_two_networks),
		cmocka_unit_test(test_one_side_exact),
		cmocka_unit_test(test_answers_to_networks),
		cmocka_unit_test(test_legs_share),
		cmocka_unit_test(test_names_hold),
		cmocka_unit_test(test_icmp_and_tails),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, name_origins, NULL);
}
