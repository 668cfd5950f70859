/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nft_rule.c: a rule survives netlink and text: without a
 * kernel, from each to each.
 */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/nft/nft_netlink.h"
#include "core/mem.h"

#define SETS                                                                  \
	"set p { type inet_service; }\n"                                      \
	"set s4 { type inet_service . ipv4_addr; }\n"                         \
	"set a6 { type ipv6_addr . inet_service; flags interval; }\n"         \
	"set i { type inet_service . ifname; }\n"                             \
	"set all { type inet_service . ipv4_addr . ipv4_addr . ifname;\n"     \
	"	flags interval; }\n"                                          \
	"set local_types { type fib_addrtype; }\n"                            \
	"chain other {\n}\n"

/* Each as it is printed; families in which it stands. */
static const struct {
	const char *family, *text;
} rules[] = {
	{ "inet", "tcp dport @p fib daddr type local notrack comment \"web\"" },
	{ "inet", "udp sport @p notrack comment \"a: b, c\"" },
	{ "inet", "udplite dport @p notrack" },
	{ "inet", "udp sport @p socket transparent 0 counter notrack" },
	{ "inet", "meta l4proto gre counter notrack comment \"x\"" },
	{ "inet", "dccp sport @p notrack" },
	{ "inet", "sctp dport . ip saddr @s4 fib daddr type @local_types notrack" },
	{ "inet", "tcp sport . ip daddr @s4 notrack" },
	{ "inet", "tcp sport @p fib saddr type local notrack" },
	{ "inet", "oifname \"lo\" tcp dport @p fib daddr type local notrack" },
	{ "inet", "ip6 saddr . tcp dport @a6 notrack" },
	{ "inet", "tcp dport . iifname @i notrack" },
	{ "inet", "tcp sport . oifname @i notrack" },
	{ "inet", "tcp dport . ip saddr . ip daddr . iifname @all notrack" },
	{ "inet", "iifname \"lo\" tcp dport @p notrack" },
	{ "inet", "oifname \"wan*\" udp dport @p notrack" },
	{ "inet", "meta l4proto gre fib daddr type local notrack" },
	{ "inet", "meta l4proto 253 notrack" },
	{ "inet", "meta nfproto ipv6 meta l4proto esp notrack" },
	{ "inet", "meta nfproto ipv4 tcp dport @p notrack" },
	{ "inet", "tcp dport @p fib daddr type @local_types notrack" },
	{ "inet", "udp sport @p socket transparent 0 notrack" },
	{ "inet", "udp sport @p socket transparent 0 notrack accept" },
	{ "inet", "udp dport @p counter notrack accept comment \"a\"" },
	{ "inet", "udp sport @p socket wildcard 0 accept" },
	{ "inet", "tcp sport @p socket wildcard 1 return" },
	{ "inet", "udp sport @p socket wildcard 1 accept" },
	{ "inet", "udp sport @p socket wildcard 0 return" },
	{ "inet", "udp sport @p udp dport 32768-60999 accept" },
	{ "inet", "tcp sport @p tcp flags != syn / fin,syn,rst,ack accept" },
	{ "inet", "icmp type destination-unreachable accept" },
	{ "inet", "icmp type 11-12 ct state invalid,untracked accept" },
	{ "inet", "icmpv6 type 1-4 accept" },
	{ "inet", "icmpv6 type mld2-listener-report accept" },
	{ "inet", "meta l4proto udp ip frag-off & 8191 != 0 accept" },
	{ "inet", "meta l4proto tcp frag frag-off != 0 accept" },
	{ "inet", "tcp dport @p ct state untracked accept" },
	{ "inet", "jump other" },
	{ "inet", "meta l4proto udp goto other comment \"ctpolicy\"" },
	{ "inet", "th dport @p notrack" },
	{ "ip", "icmp type destination-unreachable accept" },
	{ "ip", "meta l4proto gre accept" },
	{ "inet", "oifname \"lo\" meta l4proto != tcp ct state untracked accept" },
	{ "ip6", "iifname \"lo\" meta l4proto != tcp accept" },
	{ "ip", "tcp dport . ip saddr @ctpolicy-s4 accept" },
	{ "ip6", "icmpv6 type 130-136 accept" },
	{ "ip6", "meta l4proto tcp frag frag-off != 0 accept" },
};

static struct image *parse(const char *text)
{
	struct diags d = { 0 };
	struct image *img = NULL;
	int err = nft_parse("test", text, strlen(text), &img, &d);

	if (err)
		diags_print(&d, NULL, 0, 0, false, stderr);
	diags_release(&d);
	assert_int_equal(err, 0);
	return img;
}

static struct image *with_rule(const char *family, const char *text)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	if (!strcmp(family, "inet"))
		strbuf_printf(&b, "table inet ctpolicy {\n" SETS
			      "chain prerouting {\n%s\n}\n}\n", text);
	else
		strbuf_printf(&b, "table %s t {\nset ctpolicy-s4 { type "
			      "inet_service . ipv4_addr; }\n"
			      "chain ctpolicy-input {\n%s\n}\n}\n",
			      family, text);
	return parse(strbuf_str(&b));
}

static const struct image_chain *chain_of(const struct image *img)
{
	const struct image_table *t = &img->tables[0];
	const struct image_chain *c = image_find_chain(t, "prerouting");

	return c ? c : image_find_chain(t, "ctpolicy-input");
}

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		_cleanup_(image_free) struct image *img =
			with_rule(rules[i].family, rules[i].text);
		_cleanup_(strbuf_release) struct strbuf b = { 0 };
		const struct image_chain *c = chain_of(img);

		assert_int_equal(c->n_rules, 1);
		assert_int_not_equal(c->rules[0].verdict, VERDICT_UNKNOWN);
		nft_print_rule(img->tables[0].family, &c->rules[0], &b);
		assert_string_equal(strbuf_str(&b), rules[i].text);
	}
}

/* As the kernel would hand it back. */
static void over_netlink(const struct image *img, const struct image_chain *c,
			 const char *text)
{
	const struct image_table *t = &img->tables[0];
	_cleanup_(image_free) struct image *own = image_new();
	struct nftnl_rule *out = NULL;
	struct image_rule back;
	uint8_t buf[8192];
	struct nlmsghdr *nlh;

	assert_int_equal(nft_rule_encode(t, c->name, &c->rules[0], &out,
					 NULL), 0);
	nlh = nft_msg_put(buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, 0,
			  t->family, 1);
	nftnl_rule_nlmsg_build_payload(nlh, out);
	assert_int_equal(nft_rule_decode(own, t, nlh, &back), 0);
	if (!image_rule_equal(&back, &c->rules[0]))
		fail_msg("not the same over netlink: %s (%s)", text,
			 back.unknown ? back.unknown : "known");
	image_rule_release(&back);
	nftnl_rule_free(out);
}

static void test_netlink(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		_cleanup_(image_free) struct image *img =
			with_rule(rules[i].family, rules[i].text);

		over_netlink(img, chain_of(img), rules[i].text);
	}
}

/* The chain tells the protocol, unless the rule asks for one. */
static void test_led(void **state)
{
	_cleanup_(image_free) struct image *img = parse(
		"table inet ctpolicy {\n" SETS "chain prerouting_udp {\n"
		"th dport . ip saddr @s4 notrack accept\n}\n"
		"chain output_udp {\nudp dport . ip saddr @s4 notrack accept\n"
		"}\nchain output_icmp {\nth dport @p notrack\n}\n}\n");
	const struct image_table *t = &img->tables[0];
	const struct image_chain *led = image_find_chain(t, "prerouting_udp");
	const struct image_chain *asks = image_find_chain(t, "output_udp");
	const struct image_chain *any = image_find_chain(t, "output_icmp");
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	(void)state;
	assert_true(led && asks && any);
	assert_true(led->rules[0].led && !asks->rules[0].led &&
		    !any->rules[0].led);
	assert_int_equal(led->rules[0].match.proto, IPPROTO_UDP);
	assert_int_equal(any->rules[0].match.proto, 0);
	assert_false(image_rule_equal(&led->rules[0], &asks->rules[0]));
	assert_true(image_rule_meets_same(&led->rules[0], &asks->rules[0]));
	over_netlink(img, led, "led");
	over_netlink(img, asks, "asks");
	over_netlink(img, any, "any");
	nft_print_rule(t->family, &led->rules[0], &b);
	assert_string_equal(strbuf_str(&b),
			    "th dport . ip saddr @s4 notrack accept");
}

/* An expression that libnftnl has no name for makes one rule unknown. */
static void test_younger_kernel(void **state)
{
	_cleanup_(image_free) struct image *img =
		with_rule("inet", "tcp dport @p notrack");
	const struct image_table *t = &img->tables[0];
	struct nlattr *all, *one;
	struct image_rule back;
	struct nlmsghdr *nlh;
	uint8_t buf[1024];

	(void)state;
	nlh = nft_msg_put(buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, 0,
			  t->family, 1);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, t->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, "prerouting");
	mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(7));
	all = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	one = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "oracle");
	mnl_attr_nest_end(nlh, one);
	mnl_attr_nest_end(nlh, all);
	assert_int_equal(nft_rule_decode(img, t, nlh, &back), 0);
	assert_int_equal(back.verdict, VERDICT_UNKNOWN);
	assert_int_equal(back.handle, 7);
	assert_non_null(back.unknown);
	image_rule_release(&back);
}

/* A rule unlike ctpolicy's is kept as text, and equal to nothing. */
static void test_unknown(void **state)
{
	static const char *const text[] = {
		"counter", "counter tcp dport 80 accept", "tcp dport { 1, 2 }",
		"counter counter accept", "counter packets 1 accept",
		"accept counter", "counter comment \"x\" notrack",
		"ip saddr 10.0.0.1 accept", "udp sport @p socket wildcard 2 accept",
		"udp sport @p socket transparent 1 return", "tcp dport @p drop",
		"tcp dport @p tcp dport @p", "tcp dport @p udp dport @p accept",
		"ip saddr @x ip6 saddr @y accept", "goto", "fib daddr type unicast accept",
		"accept accept", "accept notrack", "notrack return",
		"notrack accept accept", "jump", "comment \"x\"", "tcp dport @p . accept",
		"tcp dport 80-70 accept", "icmp type 300 accept",
		"meta l4proto != udp accept",
		"meta l4proto != tcp meta l4proto udp accept",
		"meta l4proto udp meta l4proto != tcp accept",
		"meta l4proto 0 accept", "iifname \"\" accept",
		"tcp dport \"80\" 81 accept", "@p accept", ". accept",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		_cleanup_(image_free) struct image *img =
			with_rule("inet", text[i]);
		const struct image_rule *r = &chain_of(img)->rules[0];

		assert_int_equal(r->verdict, VERDICT_UNKNOWN);
		assert_string_equal(r->unknown, text[i]);
		assert_false(image_rule_equal(r, r));
	}
}

/* Later versions of nft write some things otherwise. */
static void test_spellings(void **state)
{
	static const char *const same[][2] = {
		{ "tcp sport @p tcp flags & (fin | syn | rst | ack) != syn accept",
		  "tcp sport @p tcp flags != syn / fin,syn,rst,ack accept" },
		{ "meta l4proto udp ip frag-off & 0x1fff != 0 accept",
		  "meta l4proto udp ip frag-off & 8191 != 0 accept" },
		{ "meta l4proto 47 notrack", "meta l4proto gre notrack" },
		{ "meta nfproto ipv4 meta l4proto tcp tcp dport . ip saddr @s4 accept",
		  "tcp dport . ip saddr @s4 accept" },
		{ "icmp type 3 accept", "icmp type destination-unreachable accept" },
		{ "udp dport @p counter packets 5 bytes 300 notrack",
		  "udp dport @p counter notrack" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		_cleanup_(image_free) struct image *a =
			with_rule("inet", same[i][0]);
		_cleanup_(image_free) struct image *b =
			with_rule("inet", same[i][1]);

		assert_true(image_rule_equal(&chain_of(a)->rules[0],
					     &chain_of(b)->rules[0]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_netlink),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_led),
		cmocka_unit_test(test_younger_kernel),
		cmocka_unit_test(test_spellings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
