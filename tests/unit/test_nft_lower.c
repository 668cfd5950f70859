/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_nft_lower.c: services of one shape share a set; accepts go
 * where packets are dropped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/nft/nft.h"
#include "core/mem.h"
#include "tests/contract/head_stands.h"

static const struct origin web = { .service = "web", .why = "busy" };
static const struct origin api = { .service = "api" };

static struct rule *add(struct ruleset *rs, enum hook hook, enum action action,
			const struct origin *o)
{
	struct rule *r = ruleset_add(rs);

	assert_non_null(r);
	r->hook = hook;
	r->action = action;
	r->leg = LEG_REQUEST;
	r->rank = RANK_SERVICE;
	r->match.proto = IPPROTO_TCP;
	r->match.dst = DST_LOCAL;
	r->origin = o;
	return r;
}

static void add_port(struct rule *r, uint16_t a, uint16_t b)
{
	assert_int_equal(port_set_add(&r->match.dport,
				      (struct port_range){ a, b }), 0);
}

static void add_net(struct rule *r, const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	r->match.family = p.family;
	assert_int_equal(prefix_set_add(&r->match.saddr, &p), 0);
}

static struct image *lower(const struct ruleset *rs, const struct survey *host)
{
	struct diags d = { 0 };
	struct image *img = NULL;
	_cleanup_(stands_release) struct stands stands = { 0 };

	if (host)
		assert_int_equal(head_stands(host, WORLD_NFT, rs, &stands), 0);
	assert_int_equal(nft_lower(rs, host, host ? &stands : NULL, &img, &d),
			 0);
	diags_release(&d);
	return img;
}

static void assert_text(const struct image *img, const char *chain,
			size_t rule, const char *text)
{
	const struct image_table *t = &img->tables[0];
	const struct image_chain *c = image_find_chain(t, chain);
	_cleanup_(strbuf_release) struct strbuf b = { 0 };

	assert_true(c && rule < c->n_rules);
	nft_print_rule(t->family, &c->rules[rule], &b);
	assert_string_equal(strbuf_str(&b), text);
}

static void test_fused(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true,
							 .ipv6 = true };
	_cleanup_(image_free) struct image *img = NULL;
	const struct image_set *s;

	(void)state;
	add_port(add(&rs, HOOK_PREROUTING, ACTION_NOTRACK, &web), 80, 80);
	add_port(add(&rs, HOOK_PREROUTING, ACTION_NOTRACK, &api), 90, 99);
	add_port(add(&rs, HOOK_PREROUTING, ACTION_NOTRACK, &api), 1000, 1999);
	img = lower(&rs, NULL);
	assert_int_equal(img->n_tables, 1);
	assert_true(img->tables[0].owned);
	assert_text(img, "prerouting", 0,
		    "tcp dport @pre_req_tcp_local_p fib daddr type local "
		    "notrack comment \"ctpolicy\"");
	assert_text(img, "prerouting", 1,
		    "tcp dport @pre_req_tcp_local_p_r fib daddr type local "
		    "notrack comment \"ctpolicy\"");
	s = image_find_set(&img->tables[0], "pre_req_tcp_local_p");
	assert_true(s && !s->interval);
	assert_int_equal(s->elems.n, 11);
	s = image_find_set(&img->tables[0], "pre_req_tcp_local_p_r");
	assert_true(s && s->interval);
	assert_int_equal(s->elems.n, 1);
}

static void test_big(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
	_cleanup_(image_free) struct image *img = NULL;
	struct rule *r = add(&rs, HOOK_PREROUTING, ACTION_NOTRACK, &api);

	(void)state;
	for (unsigned int i = 0; i < 40; i++) {
		char net[20];

		snprintf(net, sizeof(net), "10.0.%u.0/24", i);
		add_net(r, net);
		add_port(r, (uint16_t)(100 + i), (uint16_t)(100 + i));
	}
	img = lower(&rs, NULL);
	assert_int_equal(img->tables[0].n_sets, 2);
	assert_text(img, "prerouting", 0,
		    "tcp dport @pre_req_tcp_local_ps4-api-1 "
		    "ip saddr @pre_req_tcp_local_ps4-api-2_r "
		    "fib daddr type local notrack comment \"api\"");
}

/* Many networks and one port: what differs goes first. */
static void test_order(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
	_cleanup_(image_free) struct image *img = NULL;
	struct rule *r = add(&rs, HOOK_PREROUTING, ACTION_NOTRACK, &api);

	(void)state;
	add_port(r, 80, 80);
	for (unsigned int i = 0; i < 100; i++) {
		char net[20];

		snprintf(net, sizeof(net), "10.0.%u.0/24", i);
		add_net(r, net);
	}
	img = lower(&rs, NULL);
	assert_text(img, "prerouting", 0,
		    "ip saddr . tcp dport @pre_req_tcp_local_ps4_rs "
		    "fib daddr type local notrack comment \"ctpolicy\"");
}

static void add_accept(struct ruleset *rs)
{
	struct rule *r = add(rs, HOOK_INPUT, ACTION_ACCEPT, &web);

	add_port(r, 80, 80);
	r->match.ct = CT_UNTRACKED;
	r = add(rs, HOOK_INPUT, ACTION_ACCEPT, &web);
	r->rank = RANK_ICMP;
	r->match.family = AF_INET6;
	r->match.proto = IPPROTO_ICMPV6;
	r->match.icmp[0] = (struct icmp_range){ 1, 4 };
	r->match.n_icmp = 1;
	rs->wants_accepts = true;
}

static void test_foreign(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true,
							 .ipv6 = true };
	_cleanup_(image_free) struct image *img = NULL;
	struct foreign_chain f[] = {
		{ .family = NFPROTO_IPV4, .table = "t", .chain = "in",
		  .hook = HOOK_INPUT },
		{ .family = NFPROTO_IPV4, .table = "t", .chain = "in2",
		  .hook = HOOK_INPUT },
		{ .family = NFPROTO_IPV4, .table = "t", .chain = "fwd",
		  .hook = HOOK_FORWARD },
	};
	struct survey host = { .filters = f, .n_filters = ARRAY_SIZE(f) };

	(void)state;
	add_accept(&rs);
	img = lower(&rs, &host);
	assert_int_equal(img->n_tables, 1);
	assert_false(img->tables[0].owned);
	assert_int_equal(img->tables[0].n_chains, 4);
	assert_text(img, "in", 0, "jump ctpolicy-input comment \"ctpolicy\"");
	assert_text(img, "in2", 0, "jump ctpolicy-input-2 comment \"ctpolicy\"");
	/* rules of IPv6 have no place in a table of IPv4 */
	assert_int_equal(image_find_chain(&img->tables[0],
					  "ctpolicy-input")->n_rules, 1);
	assert_text(img, "ctpolicy-input", 0,
		    "tcp dport @ctpolicy-in_req_tcp_local_p fib daddr type "
		    "local ct state untracked accept comment \"ctpolicy\"");
}

static void test_refused(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true,
							 .ipv6 = true };
	struct foreign_chain f = { .family = NFPROTO_IPV4,
				   .table = "firewalld", .chain = "in",
				   .hook = HOOK_INPUT, .port = 77 };
	struct survey host = { .filters = &f, .n_filters = 1 };
	_cleanup_(stands_release) struct stands stands = { 0 };
	struct image *img = NULL;
	struct diags d = { 0 };

	(void)state;
	add_accept(&rs);
	assert_int_equal(head_stands(&host, WORLD_NFT, &rs, &stands), 0);
	assert_int_equal(nft_lower(&rs, &host, &stands, &img, &d),
			 -FAULT_CONFLICT);
	assert_null(img);
	assert_non_null(strstr(d.v[0].msg, "table ip firewalld"));
	assert_non_null(strstr(d.v[0].help, "--add-port=80/tcp"));
	/* in a hook without accept rules they do no harm */
	f.hook = HOOK_FORWARD;
	stands_release(&stands);
	assert_int_equal(head_stands(&host, WORLD_NFT, &rs, &stands), 0);
	assert_int_equal(nft_lower(&rs, &host, &stands, &img, &d), 0);
	assert_true(image_is_empty(img));
	image_free(&img);
	diags_release(&d);
}

/* A reply is taken from any socket but a wildcard one, in two rules. */
static void test_bound(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true,
							 .ipv6 = true };
	_cleanup_(image_free) struct image *img = NULL;
	struct foreign_chain f = { .family = NFPROTO_INET, .table = "t",
				   .chain = "in", .hook = HOOK_INPUT };
	struct survey host = { .filters = &f, .n_filters = 1 };
	struct rule *r = add(&rs, HOOK_INPUT, ACTION_ACCEPT, &web);

	(void)state;
	r->leg = LEG_REPLY;
	r->rank = RANK_GUARDED;
	r->match.dst = DST_ANY;
	r->match.socket = SOCKET_BOUND;
	assert_int_equal(port_set_add(&r->match.sport,
				      (struct port_range){ 53, 53 }), 0);
	img = lower(&rs, &host);
	assert_text(img, "ctpolicy-input", 0,
		    "tcp sport @ctpolicy-in_guard_rep_tcp_bound_stateless_sp "
		    "socket wildcard 1 return comment \"ctpolicy\"");
	assert_text(img, "ctpolicy-input", 1,
		    "tcp sport @ctpolicy-in_guard_rep_tcp_bound_stateless_sp "
		    "socket transparent 0 accept comment \"ctpolicy\"");
}

static void test_names(void **state)
{
	_cleanup_(strbuf_release) struct strbuf a = { 0 }, b = { 0 };
	const char *x, *y;

	(void)state;
	strbuf_puts(&a, "a very long and strange name/with*signs that goes on "
		    "and on and on and on");
	strbuf_puts(&b, "a very long and strange name/with*signs that goes on "
		    "and on and on and ON");
	x = nft_name_finish(NFT_OWN_PREFIX, &a, "_r");
	y = nft_name_finish(NFT_OWN_PREFIX, &b, "_r");
	assert_string_not_equal(x, y);
	assert_true(strlen(x) < 80);
	assert_ptr_equal(x, nft_name_finish(NFT_OWN_PREFIX, &a, "_r"));
	assert_null(strpbrk(x, " /*"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fused),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
