/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_generators.c: a policy's rules, warnings and comments. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/fault.h"
#include "core/mem.h"
#include "generators/generate.h"
#include "rules/image.h"

struct made {
	char text[1024];
	struct policy *policy;
	struct ruleset *rules;
	struct diags d;
};

static void made_release(struct made *m)
{
	ruleset_free(&m->rules);
	policy_free(&m->policy);
	diags_release(&m->d);
}

static void make(struct made *m, const char *matching, const char *service)
{
	int n = snprintf(m->text, sizeof(m->text),
			 "{version: 1, state_matching: %s, untracked: [{name: s, %s}]}",
			 matching, service);

	assert_in_range(n, 1, sizeof(m->text) - 1);
	assert_int_equal(policy_parse("p.yaml", m->text, (size_t)n, &m->policy,
				      &m->d), 0);
	assert_int_equal(generate(m->policy, &host_facts_default, &m->rules,
				  &m->d), 0);
}

static size_t count(const struct made *m, enum action action, enum hook hook)
{
	size_t n = 0;

	for (size_t i = 0; i < m->rules->n; i++)
		n += m->rules->v[i].action == action &&
		     m->rules->v[i].hook == hook;
	return n;
}

static bool warned(const struct made *m, enum diag_id id)
{
	for (size_t i = 0; i < m->d.n; i++)
		if (m->d.v[i].id == id)
			return true;
	return false;
}

/* Rules of NOTRACK at each hook, and whose address is this host's. */
static void test_roles(void **state)
{
	static const struct {
		const char *role;
		size_t in, out;
		enum dst_kind dst;
	} roles[] = {
		{ "server", 1, 2, DST_LOCAL },
		{ "client", 1, 2, DST_LOCAL },
		{ "router", 2, 0, DST_TRANSIT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		_cleanup_(made_release) struct made m = { .policy = NULL };
		char text[128];

		snprintf(text, sizeof(text),
			 "role: %s, protocol: tcp, ports: [80], accept: none",
			 roles[i].role);
		make(&m, "allowed", text);
		assert_int_equal(m.rules->n, roles[i].in + roles[i].out);
		assert_int_equal(count(&m, ACTION_NOTRACK, HOOK_PREROUTING),
				 roles[i].in);
		for (size_t k = 0; k < m.rules->n; k++) {
			const struct rule *r = &m.rules->v[k];

			if (r->hook == HOOK_PREROUTING)
				assert_int_equal(r->match.dst, roles[i].dst);
			else
				assert_true(r->match.src_local !=
					    (r->match.dst == DST_LOCAL));
		}
	}
}

/* In IPv4 alone: nothing at OUTPUT is for an address of this host. */
static void test_keeps_own(void **state)
{
	static const char *const roles[] = { "server", "client" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(roles); i++) {
		_cleanup_(made_release) struct made m = { .policy = NULL };
		size_t seen[2] = { 0 };
		char text[128];

		snprintf(text, sizeof(text),
			 "role: %s, protocol: tcp, ports: [80], accept: none",
			 roles[i]);
		make(&m, "allowed", text);
		ruleset_free(&m.rules);
		m.policy->services[0].keeps_own4 = true;
		assert_int_equal(generate(m.policy, &host_facts_default,
					  &m.rules, &m.d), 0);
		for (size_t k = 0; k < m.rules->n; k++) {
			const struct rule *r = &m.rules->v[k];

			if (r->hook != HOOK_OUTPUT)
				continue;
			assert_int_equal(r->match.dst,
					 r->match.family == AF_INET ? DST_AWAY :
					 r->match.src_local ? DST_ANY :
							      DST_LOCAL);
			seen[r->match.family == AF_INET6]++;
		}
		assert_int_equal(seen[0], 1);
		assert_int_equal(seen[1], 2);
	}
}

static bool accepts_icmp(const struct made *m, uint8_t type)
{
	for (size_t i = 0; i < m->rules->n; i++) {
		const struct match *x = &m->rules->v[i].match;

		for (unsigned int k = 0; k < x->n_icmp; k++)
			if (x->proto == IPPROTO_ICMPV6 &&
			    x->icmp[k].first <= type && type <= x->icmp[k].last)
				return true;
	}
	return false;
}

static void test_neighbours(void **state)
{
	static const char web[] =
		"role: server, protocol: tcp, ports: [80], accept: open";

	(void)state;
	for (int forbid = 0; forbid < 2; forbid++) {
		_cleanup_(made_release) struct made m = { .policy = NULL };

		make(&m, forbid ? "forbidden" : "allowed", web);
		assert_true(accepts_icmp(&m, 2));
		assert_int_equal(accepts_icmp(&m, 135), forbid);
		assert_int_equal(accepts_icmp(&m, 136), forbid);
		assert_false(accepts_icmp(&m, 133) || accepts_icmp(&m, 134) ||
			     accepts_icmp(&m, 143));
	}
}

static const struct {
	const char *service;
	enum diag_id id;	/* 0: no warning */
} warnings[] = {
	{ "role: client, protocol: udp, ports: [53], accept: open",
	  ID_REPLIES_FROM_ANYWHERE },
	{ "role: router, protocol: udp, ports: [53], accept: open",
	  ID_REPLIES_FROM_ANYWHERE },
	{ "role: client, protocol: udp, ports: [53], accept: none", 0 },
	{ "role: client, protocol: udp, ports: [53], accept: open, servers: [192.0.2.1]",
	  0 },
	{ "role: client, protocol: tcp, ports: [53], accept: open", 0 },
};

static void test_warnings(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(warnings); i++) {
		_cleanup_(made_release) struct made m = { .policy = NULL };

		make(&m, "allowed", warnings[i].service);
		assert_int_equal(m.d.n, warnings[i].id ? 1 : 0);
		assert_true(!warnings[i].id || warned(&m, warnings[i].id));
	}
}

#define QUIET DIAG_LEVEL_MAX_

#define QUIET DIAG_LEVEL_MAX_

/* What is said of no host, and of one whose rules are known. */
static const struct {
	const char *service;
	enum diag_id id;
	enum diag_level unknown, whole;
} translations[] = {
	{ "role: server, protocol: udp, ports: [49152-65535]",
	  ID_EPHEMERAL_SERVER, DIAG_NOTE, DIAG_NOTE },
	{ "role: server, protocol: udp, ports: [65000]",
	  ID_EPHEMERAL_SERVER, DIAG_NOTE, QUIET },
	{ "role: server, protocol: udp, ports: [8080]",
	  ID_EPHEMERAL_SERVER, QUIET, QUIET },
	{ "role: client, protocol: udp, ports: [49152-65535]",
	  ID_EPHEMERAL_SERVER, QUIET, QUIET },
	{ "role: server, protocol: gre, clients: [192.0.2.1]",
	  ID_MASQUERADED_REPLIES, DIAG_NOTE, QUIET },
	{ "role: client, protocol: sctp, ports: [80]",
	  ID_MASQUERADED_REPLIES, DIAG_NOTE, QUIET },
	{ "role: server, protocol: sctp, ports: [80]",
	  ID_MASQUERADED_REPLIES, QUIET, QUIET },
	{ "role: router, protocol: gre",
	  ID_MASQUERADED_REPLIES, QUIET, QUIET },
	{ "role: client, protocol: udp, ports: [53], reply_guard: none",
	  ID_UNGUARDED_REPLIES, DIAG_NOTE, QUIET },
	{ "role: client, protocol: udp, ports: [53]",
	  ID_UNGUARDED_REPLIES, QUIET, QUIET },
};

static void check_translation(size_t i, bool whole, enum diag_level want)
{
	_cleanup_(made_release) struct made m = { .policy = NULL };
	struct host_facts facts = host_facts_default;
	char text[256];

	snprintf(text, sizeof(text), "%s, accept: none",
		 translations[i].service);
	make(&m, "allowed", text);
	assert_int_equal(m.d.n, 0);
	facts.whole = whole;
	translation_note(m.policy, &facts, &m.d);
	assert_int_equal(m.d.n, want == QUIET ? 0 : 1);
	if (want == QUIET)
		return;
	assert_int_equal(m.d.v[0].id, translations[i].id);
	assert_int_equal(m.d.v[0].level, want);
}

static void test_translation(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(translations); i++) {
		check_translation(i, false, translations[i].unknown);
		check_translation(i, true, translations[i].whole);
	}
}

/* A client's replies: which sockets and ports they may go to. */
static void test_reply_guard(void **state)
{
	static const struct {
		const char *service;
		enum socket_kind notrack, accept;
		size_t ports;		/* ranges of local ports */
	} cases[] = {
		{ "protocol: tcp", SOCKET_OPEN, SOCKET_BOUND, 0 },
		{ "protocol: udp", SOCKET_OPEN, SOCKET_OPEN, 1 },
		{ "protocol: udp, servers: [192.0.2.1]", SOCKET_OPEN,
		  SOCKET_OPEN, 0 },
		{ "protocol: udp, reply_guard: none", SOCKET_ANY, SOCKET_OPEN,
		  1 },
		{ "protocol: sctp", SOCKET_ANY, SOCKET_ANY, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(made_release) struct made m = { .policy = NULL };
		char text[128];

		snprintf(text, sizeof(text),
			 "role: client, ports: [53], accept: open, %s",
			 cases[i].service);
		make(&m, "allowed", text);
		for (size_t k = 0; k < m.rules->n; k++) {
			const struct rule *r = &m.rules->v[k];

			if (r->hook == HOOK_PREROUTING)
				assert_int_equal(r->match.socket,
						 cases[i].notrack);
			if (r->hook != HOOK_INPUT || r->leg != LEG_REPLY ||
			    r->match.iif.n)
				continue;
			assert_int_equal(r->match.socket, cases[i].accept);
			assert_int_equal(r->match.dport.n, cases[i].ports);
		}
	}
}

/* Cut, a comment still ends with a whole character. */
static void test_comment(void **state)
{
	char why[101], name[64], buf[COMMENT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < 100; i += 2)
		memcpy(why + i, "\xc3\xa9", 2);
	why[100] = '\0';
	for (size_t n = 20; n < 40; n++) {
		struct origin o = { .service = name, .why = why };
		size_t len, over = n + 2 + 100 > COMMENT_MAX;

		memset(name, 'n', n);
		name[n] = '\0';
		origin_comment(&o, buf, COMMENT_MAX);
		len = strlen(buf);
		assert_int_equal((len - n) % 2, 0);
		assert_int_equal(len, over ? COMMENT_MAX - (n + 1) % 2 :
					     n + 102);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_keeps_own),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_translation),
		cmocka_unit_test(test_reply_guard),
		cmocka_unit_test(test_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
