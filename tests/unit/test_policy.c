/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_policy.c: what a valid policy becomes; the broken ones are in
 * tests/golden/policies.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/mem.h"
#include "core/port_names.h"
#include "core/strbuf.h"
#include "policies/policy.h"

#define HEAD "version: 1\nstate_matching: allowed\n"
#define WEB "untracked:\n- name: web\n  role: server\n  protocol: tcp\n" \
	    "  ports: [80]\n  accept: none\n"

static struct policy *parse(const char *text)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	struct diag_source src = { "p.yaml", text, strlen(text) };
	struct policy *p = NULL;
	int err = policy_parse("p.yaml", text, strlen(text), &p, &d);

	if (err)
		diags_print(&d, &src, 1, 0, false, stderr);
	assert_int_equal(err, 0);
	return p;
}

static int parse_error(const char *text, size_t len)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	struct policy *untouched = (struct policy *)&d, *p = untouched;
	int err = policy_parse("p.yaml", text, len, &p, &d);

	assert_ptr_equal(p, untouched);
	assert_true(d.errors > 0);
	return err;
}

static void test_defaults(void **state)
{
	_cleanup_(policy_free) struct policy *p = parse(HEAD WEB);
	const struct service *s = p->services;

	(void)state;
	assert_string_equal(p->file, "p.yaml");
	assert_false(p->forbid_state);
	assert_false(p->replace_existing);
	assert_null(p->backend);
	assert_true(p->ipv4 && p->ipv6 && p->flush_services);
	assert_false(p->unload_modules);
	assert_int_equal(p->max.kind, AMOUNT_UNSET);
	assert_int_equal(p->buckets.kind, AMOUNT_UNSET);
	assert_int_equal(p->n_timeouts + p->n_tests, 0);
	assert_int_equal(p->n_services, 1);
	assert_string_equal(s->name, "web");
	assert_null(s->why);
	assert_int_equal(s->at.line, 4);
	assert_int_equal(s->at.col, 9);
	assert_int_equal(s->at.len, 3);
	assert_ptr_equal(s->origin.service, s->name);
	assert_int_equal(s->origin.at.line, 4);
	assert_false(s->management || s->has_clients || s->has_servers ||
		     s->has_ifaces);
	assert_int_equal(s->roles, ROLE_SERVER);
	assert_int_equal(s->n_protocols, 1);
	assert_int_equal(s->protocols[0], IPPROTO_TCP);
	assert_int_equal(s->accept, ACCEPT_NONE);
}

static void test_service(void **state)
{
	_cleanup_(policy_free) struct policy *p = parse(
		HEAD "untracked:\n"
		"- {name: a, role: [client, server, router],\n"
		"   protocol: [udp, tcp, 132], ports: [90-95, 80, 94-99, 80],\n"
		"   clients: [10.1.0.0/16, 10.0.0.0/8, \"::1\"], why: b c,\n"
		"   servers: [192.0.2.1], interfaces: [\"wan*\", eth0],\n"
		"   accept: open}\n"
		"management:\n"
		"- {name: ssh, role: server, protocol: tcp, ports: [22],\n"
		"   accept: open}\n");
	const struct service *s = &p->services[1];

	(void)state;
	assert_int_equal(p->n_services, 2);
	assert_string_equal(p->services[0].name, "ssh");
	assert_true(p->services[0].management);
	assert_false(s->management);
	assert_string_equal(s->origin.why, "b c");
	assert_int_equal(s->roles, ROLE_SERVER | ROLE_CLIENT | ROLE_ROUTER);
	assert_int_equal(s->n_protocols, 3);
	assert_memory_equal(s->protocols, "\x06\x11\x84", 3);
	assert_int_equal(s->ports.n, 2);
	assert_int_equal(s->ports.v[1].first, 90);
	assert_int_equal(s->ports.v[1].last, 99);
	assert_true(s->has_clients && s->has_servers && s->has_ifaces);
	assert_int_equal(s->clients.n, 2);
	assert_int_equal(s->servers.n, 1);
	assert_int_equal(s->ifaces.n, 2);
	assert_int_equal(s->accept, ACCEPT_OPEN);
}

static void test_conntrack(void **state)
{
	_cleanup_(policy_free) struct policy *p = parse(
		"version: 1\nstate_matching: forbidden\nbackend: iptables\n"
		"families: [ipv6]\n" WEB
		"conntrack:\n  modules: unload\n  max: {memory: 5%}\n"
		"  buckets: 65536\n  flush: none\n"
		"  timeouts: {tcp_established: 1h, udp: 30s, gre_stream: 3m}\n");

	(void)state;
	assert_true(p->forbid_state && p->unload_modules);
	assert_true(p->ipv6 && !p->ipv4 && !p->flush_services);
	assert_string_equal(p->backend, "iptables");
	assert_int_equal(p->max.kind, AMOUNT_PERCENT);
	assert_int_equal(p->max.value, 5);
	assert_int_equal(p->buckets.kind, AMOUNT_NUMBER);
	assert_int_equal(p->buckets.value, 65536);
	assert_int_equal(p->modules_origin.at.line, 12);
	assert_null(p->modules_origin.service);
	assert_int_equal(p->n_timeouts, 3);
	assert_string_equal(p->timeouts[0].name, "tcp_established");
	assert_string_equal(p->timeouts[0].sysctl,
			    "net.netfilter.nf_conntrack_tcp_timeout_established");
	assert_int_equal(p->timeouts[0].seconds, 3600);
	assert_string_equal(p->timeouts[1].sysctl,
			    "net.netfilter.nf_conntrack_udp_timeout");
	assert_string_equal(p->timeouts[2].sysctl,
			    "net.netfilter.nf_conntrack_gre_timeout_stream");
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		enum amount_kind kind;
		uint64_t value;
	} cases[] = {
		{ "auto", AMOUNT_AUTO, 0 },
		{ "1", AMOUNT_NUMBER, 1 },
		{ "2147483647", AMOUNT_NUMBER, 2147483647 },
		{ "{memory: 64MiB}", AMOUNT_BYTES, 64 << 20 },
		{ "{memory: 1KiB}", AMOUNT_BYTES, 1024 },
		{ "{memory: 3GiB}", AMOUNT_BYTES, UINT64_C(3) << 30 },
		{ "{memory: 1024TiB}", AMOUNT_BYTES, UINT64_C(1) << 50 },
		{ "{memory: 100%}", AMOUNT_PERCENT, 100 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = NULL;
		_cleanup_(policy_free) struct policy *p = NULL;

		assert_true(asprintf(&text, HEAD WEB "conntrack:\n  max: %s\n",
				     cases[i].text) > 0);
		p = parse(text);
		assert_int_equal(p->max.kind, cases[i].kind);
		assert_int_equal(p->max.value, cases[i].value);
		assert_int_equal(p->max_origin.at.line, 10);
	}
}

static void test_packets(void **state)
{
	static const uint8_t v4[16] = { 10, 1, 2, 3 };
	_cleanup_(policy_free) struct policy *p = parse(
		HEAD WEB "tests:\n"
		"- {packet: \"tcp 10.1.2.3:40000 > 192.0.2.10:80\",\n"
		"   expect: {tracked: no, verdict: accept}}\n"
		"- packet: udp [2001:db8::1]:5 > [2001:db8::2]:53\n"
		"  expect: {tracked: yes}\n"
		"- packet: gre 2001:db8::1 > [2001:db8::2]\n"
		"  expect: {verdict: drop}\n");

	(void)state;
	assert_int_equal(p->n_tests, 3);
	assert_int_equal(p->tests[0].proto, IPPROTO_TCP);
	assert_int_equal(p->tests[0].family, AF_INET);
	assert_memory_equal(p->tests[0].saddr, v4, 16);
	assert_int_equal(p->tests[0].sport, 40000);
	assert_int_equal(p->tests[0].dport, 80);
	assert_int_equal(p->tests[0].tracked, 0);
	assert_int_equal(p->tests[0].accept, 1);
	assert_int_equal(p->tests[1].family, AF_INET6);
	assert_int_equal(p->tests[1].dport, 53);
	assert_int_equal(p->tests[1].tracked, 1);
	assert_int_equal(p->tests[1].accept, -1);
	assert_int_equal(p->tests[2].proto, IPPROTO_GRE);
	assert_int_equal(p->tests[2].sport, 0);
	assert_int_equal(p->tests[2].accept, 0);
}

/* The same meaning whatever the style of YAML */
static void test_styles(void **state)
{
	_cleanup_(policy_free) struct policy *p = parse(
		"\xef\xbb\xbf# comment\r\n---\r\nversion: \"1\"\r\n"
		"state_matching: 'allowed'\r\nuntracked:\r\n  -\r\n"
		"    name: >-\r\n      web\r\n    role:\r\n    - server\r\n"
		"    protocol: \"t\\x63p\"\r\n    ports:\r\n      - \"80\"\r\n"
		"      - 90 # more\r\n    accept: |-\r\n      none\r\n...\r\n");

	(void)state;
	assert_string_equal(p->services[0].name, "web");
	assert_int_equal(p->services[0].protocols[0], IPPROTO_TCP);
	assert_int_equal(p->services[0].ports.n, 2);
}

static void test_error_bounds(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	_cleanup_(strbuf_release) struct strbuf text = { 0 };
	struct policy *p = NULL;

	(void)state;
	strbuf_puts(&text, HEAD "untracked:\n");
	for (int i = 0; i < 5000; i++)
		strbuf_puts(&text, "- 1\n");
	assert_int_equal(policy_parse("p", text.s, text.n, &p, &d), -EINVAL);
	assert_true(d.errors >= 1000 && d.errors < 1100);
	assert_int_equal(d.v[d.n - 1].id, ID_TOO_MANY_ERRORS);
	/* in the order of the file */
	for (size_t i = 1; i + 1 < d.n; i++)
		assert_true(d.v[i].at.line >= d.v[i - 1].at.line);
}

static void test_output_untouched(void **state)
{
	static const char nul[] = HEAD "\0" WEB;

	(void)state;
	assert_int_equal(parse_error("", 0), -EINVAL);
	assert_int_equal(parse_error("[", 1), -EINVAL);
	assert_int_equal(parse_error(nul, sizeof(nul) - 1), -EINVAL);
	assert_int_equal(parse_error(HEAD, strlen(HEAD)), -EINVAL);
}

static void test_port_names(void **state)
{
	static const char text[] =
		"# comment\nhttp 80/tcp www # web\nhttp\t80/udp\n"
		"odd 1/tcp\nodd 2/udp\nsame 5/sctp\nbad x/tcp\nnoslash 7\n"
		"big 70000/tcp\nrange 1-2/tcp\nlast 9/udp";
	static const uint8_t tcp = IPPROTO_TCP, udp = IPPROTO_UDP;
	static const uint8_t both[] = { IPPROTO_TCP, IPPROTO_UDP };
	_cleanup_(port_names_release) struct port_names t = { 0 };
	char path[] = "/tmp/services-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	assert_int_equal(port_names_read(path, &t), 0);
	unlink(path);
	assert_int_equal(port_names_find(&t, "http", &tcp, 1), 80);
	assert_int_equal(port_names_find(&t, "www", both, 2), 80);
	assert_int_equal(port_names_find(&t, "odd", &tcp, 1), 1);
	assert_int_equal(port_names_find(&t, "odd", &udp, 1), 2);
	assert_int_equal(port_names_find(&t, "odd", both, 2), -EEXIST);
	assert_int_equal(port_names_find(&t, "same", &tcp, 1), 5);
	assert_int_equal(port_names_find(&t, "last", NULL, 0), 9);
	assert_int_equal(port_names_find(&t, "bad", NULL, 0), -ENOENT);
	assert_int_equal(port_names_find(&t, "big", NULL, 0), -ENOENT);
	assert_int_equal(port_names_find(&t, "range", NULL, 0), -ENOENT);
	assert_int_equal(port_names_find(&t, "comment", NULL, 0), -ENOENT);
	port_names_release(&t);
	assert_int_equal(port_names_read("/nonexistent", &t), 0);
	assert_int_equal(port_names_find(&t, "http", &tcp, 1), -ENOENT);
	assert_int_equal(port_names_builtin("https"), 443);
	assert_int_equal(port_names_builtin("nothing"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_service),
		cmocka_unit_test(test_conntrack),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_styles),
		cmocka_unit_test(test_error_bounds),
		cmocka_unit_test(test_output_untouched),
		cmocka_unit_test(test_port_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
