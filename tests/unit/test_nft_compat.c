/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nft_compat.c: accept rules in a table of iptables-nft are as
 * iptables writes them, and survive netlink and text.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <libnftnl/expr.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_netlink.h"
#include "core/mem.h"
#include "tests/contract/head_stands.h"

static const struct {
	const char *tool, *text;
} rules[] = {
	{ "iptables", "-p tcp -m multiport --dports 80 -m addrtype --dst-type "
		      "LOCAL -m conntrack --ctstate UNTRACKED -m comment "
		      "--comment \"web: it's busy\" -j ACCEPT" },
	{ "iptables", "-p tcp -m multiport --sports 80,443,1000:2000 -m tcp "
		      "! --tcp-flags FIN,SYN,RST,ACK SYN -m addrtype "
		      "--src-type LOCAL -m conntrack --ctstate UNTRACKED "
		      "-j ACCEPT" },
	{ "iptables", "-s 10.0.0.0/8 -d 192.0.2.1/32 -i wan+ -p udp -m "
		      "multiport --dports 53 -j ACCEPT" },
	{ "iptables", "-s 10.1.2.0/23 -o lo -p 47 -m addrtype ! --dst-type "
		      "LOCAL,BROADCAST,ANYCAST,MULTICAST -j ACCEPT" },
	{ "iptables", "-p icmp -m icmp --icmp-type 11 -m conntrack --ctstate "
		      "INVALID,UNTRACKED -j ACCEPT" },
	{ "iptables", "-p udp -f -j ACCEPT" },
	{ "iptables", "-p udp -m multiport --sports 53 -m socket --nowildcard "
		      "-j ACCEPT" },
	{ "iptables", "-p tcp -m multiport --sports 53 -m socket -j ACCEPT" },
	{ "iptables", "-m comment --comment ctpolicy -j ctpolicy-input" },
	{ "ip6tables", "-s 2001:db8::/33 -d ::1/128 -i eth0 -p sctp -m "
		       "multiport --dports 80 -j ACCEPT" },
	{ "ip6tables", "-p ipv6-icmp -m icmp6 --icmpv6-type 2 -j ACCEPT" },
	{ "ip6tables", "-m frag --fragfirst -m comment --comment ctpolicy "
		       "-j RETURN" },
	{ "ip6tables", "-p udp -m frag -j ACCEPT" },
	{ "ip6tables", "-p udp -m addrtype ! --dst-type MULTICAST -m addrtype "
		       "! --dst-type LOCAL,ANYCAST -j ACCEPT" },
};

static struct image *with_rule(const char *tool, const char *text)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct diags d = { 0 };
	struct image *img = NULL;
	int err;

	strbuf_printf(&b, "table %s filter {\nchain ctpolicy-input {\n%s %s\n"
		      "}\n}\n", strcmp(tool, "iptables") ? "ip6" : "ip", tool,
		      text);
	err = nft_parse("test", strbuf_str(&b), b.n, &img, &d);
	if (err)
		diags_print(&d, NULL, 0, 0, false, stderr);
	diags_release(&d);
	assert_int_equal(err, 0);
	assert_true(img->tables[0].iptables);
	assert_int_equal(img->tables[0].chains[0].n_rules, 1);
	return img;
}

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		_cleanup_(image_free) struct image *img =
			with_rule(rules[i].tool, rules[i].text);
		_cleanup_free_ char *out = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&out, &len);

		assert_int_not_equal(img->tables[0].chains[0].rules[0].verdict,
				     VERDICT_UNKNOWN);
		assert_int_equal(nft_render(img, f), 0);
		fclose(f);
		/* a quote is escaped where iptables-save would escape it */
		if (!strchr(rules[i].text, '\''))
			assert_non_null(strstr(out, rules[i].text));
	}
}

/* As the kernel would hand it back. */
static void over_netlink(const struct image *img, const char *text)
{
	const struct image_table *t = &img->tables[0];
	const struct image_chain *c = &t->chains[0];
	_cleanup_(image_free) struct image *own = image_new();
	_cleanup_(diags_release) struct diags d = { 0 };
	struct nftnl_rule *out = NULL;
	struct image_rule back;
	uint8_t buf[8192];
	struct nlmsghdr *nlh;
	int err = nft_rule_encode(t, c->name, &c->rules[0], &out, &d);

	if (err)
		fail_msg("not written: %s (%s)", text, d.n ? d.v[0].msg : "?");
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
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	(void)state;
	if (fd < 0)
		skip();
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		_cleanup_(image_free) struct image *img =
			with_rule(rules[i].tool, rules[i].text);

		over_netlink(img, rules[i].text);
	}
}

/* A rule unlike ctpolicy's is kept as iptables would show it. */
static void test_unknown(void **state)
{
	static const char *const text[] = {
		"-p tcp -j DROP", "-p tcp -m tcp --dport 80 -j MARK --set-mark 1",
		"! -s 10.0.0.0/8 -j ACCEPT", "-j other", "-p tcp",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		_cleanup_(image_free) struct image *img =
			with_rule("iptables", text[i]);
		const struct image_rule *r =
			&img->tables[0].chains[0].rules[0];

		assert_int_equal(r->verdict, VERDICT_UNKNOWN);
		assert_string_equal(r->unknown, text[i]);
	}
}

/* nft's sets and lists are not for these tables. */
static void test_refused(void **state)
{
	_cleanup_(image_free) struct image *img =
		with_rule("iptables", "-p tcp -m multiport --dports 80 "
			  "-j ACCEPT");
	struct image_chain *c = &img->tables[0].chains[0];
	_cleanup_(diags_release) struct diags d = { 0 };
	struct nftnl_rule *out = NULL;

	(void)state;
	c->rules[0].n_lookups = 1;
	c->rules[0].lookup[0] = (struct lookup){ .set = "s", .n_parts = 1 };
	assert_int_equal(nft_rule_encode(&img->tables[0], c->name,
					 &c->rules[0], &out, &d), -EOPNOTSUPP);
	assert_int_equal(d.n, 1);
	assert_null(out);
}

static void add_prefix(struct prefix_set *s, const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	assert_int_equal(prefix_set_add(s, &p), 0);
}

static struct rule *add(struct ruleset *rs, uint8_t family)
{
	static const struct origin web = { .service = "web" };
	struct rule *r = ruleset_add(rs);

	assert_non_null(r);
	r->hook = HOOK_INPUT;
	r->action = ACTION_ACCEPT;
	r->leg = LEG_REQUEST;
	r->rank = RANK_SERVICE;
	r->match.family = family;
	r->match.proto = IPPROTO_UDP;
	r->match.dst = DST_LOCAL_OR_GROUP;
	r->match.ct = CT_UNTRACKED;
	r->origin = &web;
	assert_int_equal(port_set_add(&r->match.dport,
				      (struct port_range){ 53, 53 }), 0);
	return r;
}

static void assert_chain(const struct image *img, uint8_t family,
			 const char *const *text)
{
	const struct image_table *t = image_find_table(img, family, "filter");
	const struct image_chain *c =
		t ? image_find_chain(t, "ctpolicy-input") : NULL;
	size_t n = 0;

	assert_non_null(c);
	assert_true(t->iptables);
	assert_int_equal(t->n_sets, 0);
	for (; text[n]; n++) {
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		assert_true(n < c->n_rules);
		nft_compat_print(family, &c->rules[n], &b);
		assert_string_equal(strbuf_str(&b), text[n]);
	}
	assert_int_equal(c->n_rules, n);
}

#define END " -m conntrack --ctstate UNTRACKED -m comment --comment web " \
	    "-j ACCEPT"

static void test_lower(void **state)
{
	static const char *const v4[] = {
		"iptables -s 10.0.0.0/8 -p udp -m multiport --dports 53 -m "
		"addrtype --dst-type LOCAL,BROADCAST,MULTICAST" END,
		"iptables -s 192.0.2.0/24 -p udp -m multiport --dports 53 -m "
		"addrtype --dst-type LOCAL,BROADCAST,MULTICAST" END,
		NULL,
	};
	static const char *const v6[] = {
		"ip6tables -d ff00::/8 -p udp -m multiport --dports 53" END,
		"ip6tables -p udp -m multiport --dports 53 -m addrtype "
		"--dst-type LOCAL" END,
		"ip6tables -m frag --fragfirst -m comment --comment ctpolicy "
		"-j RETURN",
		"ip6tables -p udp -m frag -m addrtype --dst-type LOCAL" END,
		NULL,
	};
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true,
							 .ipv6 = true };
	_cleanup_(image_free) struct image *img = NULL;
	struct foreign_chain f[] = {
		{ .family = NFPROTO_IPV4, .table = "filter", .chain = "INPUT",
		  .hook = HOOK_INPUT, .owner = OWNER_IPTABLES_NFT },
		{ .family = NFPROTO_IPV6, .table = "filter", .chain = "INPUT",
		  .hook = HOOK_INPUT, .owner = OWNER_IPTABLES_NFT },
	};
	struct foreign_place p[] = {
		{ .family = NFPROTO_IPV4, .table = "filter", .chain = "INPUT" },
		{ .family = NFPROTO_IPV6, .table = "filter", .chain = "INPUT" },
	};
	struct survey host = { .filters = f, .n_filters = 2,
			       .places = p, .n_places = 2 };
	_cleanup_(stands_release) struct stands stands = { 0 };
	struct diags d = { 0 };
	struct rule *r;

	(void)state;
	r = add(&rs, AF_INET);
	add_prefix(&r->match.saddr, "10.0.0.0/8");
	add_prefix(&r->match.saddr, "192.0.2.0/24");
	add(&rs, AF_INET6);
	r = add(&rs, AF_INET6);
	r->rank = RANK_FRAGMENT;
	r->match.dst = DST_LOCAL;
	r->match.fragment_tail = true;
	port_set_release(&r->match.dport);
	assert_int_equal(head_stands(&host, WORLD_NFT, &rs, &stands), 0);
	assert_int_equal(nft_lower(&rs, &host, &stands, &img, &d), 0);
	assert_int_equal(img->n_tables, 2);
	assert_chain(img, NFPROTO_IPV4, v4);
	assert_chain(img, NFPROTO_IPV6, v6);
	diags_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_netlink),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lower),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
