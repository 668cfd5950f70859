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

#include "core/mem.h"
#include "tests/unit/nft_lowered.h"

static void add_net(struct rule *r, const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	r->match.family = p.family;
	assert_int_equal(prefix_set_add(&r->match.saddr, &p), 0);
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
		    "notrack accept comment \"ctpolicy\"");
	assert_text(img, "prerouting", 1,
		    "tcp dport @pre_req_tcp_local_p_r fib daddr type local "
		    "notrack accept comment \"ctpolicy\"");
	s = image_find_set(&img->tables[0], "pre_req_tcp_local_p");
	assert_true(s && !s->interval);
	assert_int_equal(s->elems.n, 11);
	s = image_find_set(&img->tables[0], "pre_req_tcp_local_p_r");
	assert_true(s && s->interval);
	assert_int_equal(s->elems.n, 1);
}

/* So many single ports, and their set's name without and with a suffix. */
static void assert_hashed(unsigned int n, bool hashed)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
	_cleanup_(image_free) struct image *img = NULL;
	struct rule *r = add(&rs, HOOK_PREROUTING, ACTION_NOTRACK, &api);
	const struct image_set *s;

	for (unsigned int i = 0; i < n; i++)
		add_port(r, (uint16_t)(1 + 2 * i), (uint16_t)(1 + 2 * i));
	img = lower(&rs, NULL);
	assert_int_equal(img->tables[0].n_sets, 1);
	s = &img->tables[0].sets[0];
	assert_string_equal(s->name, hashed ? "pre_req_tcp_local_p_h" :
					      "pre_req_tcp_local_p");
	assert_true(s->hashed == hashed && !s->interval);
	assert_int_equal(s->elems.n, n);
	assert_true(hashed ? s->size >= n : !s->size);
}

/* A bitmap takes n ports in n * n steps: many go to a hash. */
static void test_many_ports(void **state)
{
	(void)state;
	assert_hashed(1024, false);
	assert_hashed(1025, true);
	assert_hashed(32767, true);
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
		    "fib daddr type local notrack accept comment \"api\"");
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
		    "fib daddr type local notrack accept comment \"ctpolicy\"");
}

/* A reply to the request that `add` makes, out of the host's port. */
static struct rule *add_reply(struct ruleset *rs, const struct origin *o,
			      const char *client, uint16_t port)
{
	struct rule *r = add(rs, HOOK_OUTPUT, ACTION_NOTRACK, o);
	struct prefix p;

	r->leg = LEG_REPLY;
	r->match.dst = DST_ANY;
	r->match.src_local = true;
	assert_int_equal(port_set_add(&r->match.sport,
				      (struct port_range){ port, port }), 0);
	if (!client)
		return r;
	assert_int_equal(prefix_parse(client, &p), 0);
	r->match.family = p.family;
	assert_int_equal(prefix_set_add(&r->match.daddr, &p), 0);
	return r;
}

static void add_request(struct ruleset *rs, const struct origin *o,
			const char *client, uint16_t port)
{
	struct rule *r = add(rs, HOOK_PREROUTING, ACTION_NOTRACK, o);

	add_port(r, port, port);
	if (client)
		add_net(r, client);
}

/* Both legs of two services look into one set. */
static void test_shared(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
	_cleanup_(image_free) struct image *img = NULL;
	const struct image_set *s;

	(void)state;
	add_request(&rs, &web, "192.0.2.1", 80);
	add_request(&rs, &api, "192.0.2.2", 81);
	/* they need not come in the same order */
	add_reply(&rs, &api, "192.0.2.2", 81);
	add_reply(&rs, &web, "192.0.2.1", 80);
	img = lower(&rs, NULL);
	assert_int_equal(img->tables[0].n_sets, 1);
	s = image_find_set(&img->tables[0], "server_tcp_pc4");
	assert_true(s && !s->interval);
	assert_int_equal(s->elems.n, 2);
	assert_int_equal(elems_origin(&s->elems, 0) == &web, 1);
	assert_text(img, "prerouting", 0,
		    "tcp dport . ip saddr @server_tcp_pc4 fib daddr type "
		    "local notrack accept comment \"ctpolicy\"");
	assert_text(img, "output", 0,
		    "tcp sport . ip daddr @server_tcp_pc4 fib saddr type "
		    "local notrack accept comment \"ctpolicy\"");
}

/* What one leg has and the other has not would be matched by both. */
static void assert_apart(const struct ruleset *rs)
{
	_cleanup_(image_free) struct image *img = lower(rs, NULL);
	const struct image_table *t = &img->tables[0];

	assert_int_equal(t->n_sets, 2);
	assert_non_null(image_find_set(t, "pre_req_tcp_local_ps4"));
	assert_non_null(image_find_set(t, "out_rep_tcp_own_spd4"));
}

static void test_not_shared(void **state)
{
	static const struct {
		const struct origin *o;
		const char *client;
		uint16_t port;
	} other[] = {
		{ &api, "192.0.2.1", 80 },
		{ &web, "192.0.2.2", 80 },
		{ &web, "192.0.2.1", 81 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };

		add_request(&rs, &web, "192.0.2.1", 80);
		add_reply(&rs, other[i].o, other[i].client, other[i].port);
		assert_apart(&rs);
		/* nor does one more make them the same */
		if (i)
			add_reply(&rs, &web, "192.0.2.1", 80);
		else
			add_request(&rs, &api, "192.0.2.9", 80);
		assert_apart(&rs);
	}
}

/*
 * A service with two roles has two sets, so that another one with either of
 * them is one element more in the one, and no set changes its name.
 */
static void test_roles(void **state)
{
	(void)state;
	for (unsigned int more = 0; more < 2; more++) {
		_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
		_cleanup_(image_free) struct image *img = NULL;
		const struct image_set *server, *router;

		add_request(&rs, &web, "192.0.2.1", 80);
		add_reply(&rs, &web, "192.0.2.1", 80);
		for (unsigned int i = 0; i < 2; i++) {
			rs.v[i].hook = HOOK_PREROUTING;
			rs.v[i].match.dst = DST_TRANSIT;
			rs.v[i].match.src_local = false;
			rs.v[i].roles = ROLE_ROUTER;
		}
		for (unsigned int i = 0; i <= more; i++) {
			const struct origin *o = i ? &api : &web;

			add_request(&rs, o, "192.0.2.1", (uint16_t)(80 + i));
			add_reply(&rs, o, "192.0.2.1", (uint16_t)(80 + i));
		}
		img = lower(&rs, NULL);
		router = image_find_set(&img->tables[0], "router_tcp_pc4");
		server = image_find_set(&img->tables[0], "server_tcp_pc4");
		assert_true(router && server);
		assert_int_equal(router->elems.n, 1);
		assert_int_equal(server->elems.n, 1 + more);
	}
}

/* Lists whose ends are the same are told apart by what lies between them. */
static void test_same_ends(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
	struct rule *r;

	(void)state;
	r = add(&rs, HOOK_PREROUTING, ACTION_NOTRACK, &web);
	add_port(r, 80, 80);
	add_net(r, "192.0.2.1");
	add_net(r, "192.0.2.3");
	add_net(r, "192.0.2.9");
	r = add_reply(&rs, &web, "192.0.2.1", 80);
	for (unsigned int i = 5; i <= 9; i += 4) {
		struct prefix p = prefix_set_at(&r->match.daddr, 0);

		p.addr[3] = (uint8_t)i;
		assert_int_equal(prefix_set_add(&r->match.daddr, &p), 0);
	}
	assert_apart(&rs);
}

/* Two classes that words do not tell apart: neither takes the other's set. */
static void test_name_taken(void **state)
{
	_cleanup_(ruleset_release) struct ruleset rs = { .ipv4 = true };
	_cleanup_(image_free) struct image *img = NULL;

	(void)state;
	add_request(&rs, &web, NULL, 80);
	add_reply(&rs, &web, NULL, 80);
	rs.v[0].match.not_syn = rs.v[1].match.not_syn = true;
	add_request(&rs, &api, NULL, 81);
	add_reply(&rs, &api, NULL, 81);
	img = lower(&rs, NULL);
	assert_int_equal(img->tables[0].n_sets, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(img->tables[0].sets[i].elems.n, 1);
		assert_ptr_equal(strstr(img->tables[0].sets[i].name,
					"server_tcp_p"),
				 img->tables[0].sets[i].name);
	}
	assert_string_not_equal(img->tables[0].sets[0].name,
				img->tables[0].sets[1].name);
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
	assert_text(img, "in", 0, "ct state untracked jump ctpolicy-input "
		    "comment \"ctpolicy\"");
	assert_text(img, "in2", 0, "ct state untracked jump ctpolicy-input-2 "
		    "comment \"ctpolicy\"");
	/* rules of IPv6 have no place in a table of IPv4 */
	assert_int_equal(image_find_chain(&img->tables[0],
					  "ctpolicy-input")->n_rules, 1);
	assert_text(img, "ctpolicy-input", 0,
		    "tcp dport @ctpolicy-server_tcp_p fib daddr type "
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
		cmocka_unit_test(test_many_ports),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_not_shared),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_same_ends),
		cmocka_unit_test(test_name_taken),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
