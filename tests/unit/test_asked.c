/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_asked.c: what accept rules ask that NOTRACK asked before. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "audit/asked.h"
#include "core/mem.h"
#include "generators/generate.h"
#include "tests/unit/foreign_build.h"

struct made {
	char text[65536];
	struct policy *policy;
	struct ruleset *rules;
	struct stands stands;
	struct diags d;
};

static void made_release(struct made *m)
{
	stands_release(&m->stands);
	ruleset_free(&m->rules);
	policy_free(&m->policy);
	diags_release(&m->d);
}

/* All accept rules of the hook in one stand, as if the host filtered there. */
static void make(struct made *m, const char *services, enum hook hook,
		 bool sends)
{
	static const struct stand place = { .family = NFPROTO_INET,
					    .table = "t", .chain = "c" };
	struct asked_host host = {
		.ephemeral = host_facts_default.ephemeral, .sends = sends,
	};
	int n = snprintf(m->text, sizeof(m->text),
			 "{version: 1, state_matching: allowed, untracked: [%s]}",
			 services);
	struct stand *s = stands_at(&m->stands, &place);

	assert_in_range(n, 1, sizeof(m->text) - 1);
	assert_int_equal(policy_parse("p.yaml", m->text, (size_t)n, &m->policy,
				      &m->d), 0);
	assert_int_equal(generate(m->policy, &host_facts_default, &m->rules,
				  &m->d), 0);
	assert_non_null(s);
	for (size_t i = 0; i < m->rules->n; i++)
		if (m->rules->v[i].action == ACTION_ACCEPT &&
		    m->rules->v[i].hook == hook && !m->rules->v[i].match.n_icmp)
			assert_int_equal(stand_add(s, &m->rules->v[i]), 0);
	assert_int_equal(asked_drop(m->rules, &host, &m->stands), 0);
}

static void put_ports(const char *what, const struct port_set *s,
		      struct strbuf *b)
{
	for (size_t i = 0; i < s->n; i++) {
		strbuf_puts(b, what);
		port_range_print(&s->v[i], b);
	}
}

/* Those that are not of lo alone, and what they ask. */
static void describe(const struct made *m, struct strbuf *b)
{
	static const char *const dst[DST_MAX_] = { "", " local", " group" };
	static const char *const socket[SOCKET_MAX_] = { "", " open",
							 " bound" };

	for (size_t i = 0; m->stands.n && i < m->stands.v[0].accepts.n; i++) {
		const struct match *r = &m->stands.v[0].accepts.v[i].match;

		if (iface_set_is_lo(&r->iif) || iface_set_is_lo(&r->oif))
			continue;
		strbuf_puts(b, r->proto == IPPROTO_UDP ? "udp" : "tcp");
		put_ports(" from ", &r->sport, b);
		put_ports(" to ", &r->dport, b);
		strbuf_printf(b, "%s%s%s\n", dst[r->dst], socket[r->socket],
			      r->src_local ? " own" : "");
	}
}

#define DNS "{name: dns, role: server, protocol: udp, ports: [53]"
#define NTP "{name: ntp, role: client, protocol: udp, ports: [123]"
#define SIP "{name: sip, role: router, protocol: udp, ports: [5060]"

static void test_questions(void **state)
{
	static const struct {
		const char *services;
		enum hook hook;
		bool sends;
		const char *left;
	} cases[] = {
		/* A host meets its own multicast again, sent from port 53. */
		{ DNS "}", HOOK_INPUT, false,
		  "udp from 54-65535 to 53\nudp to 53 local\n" },
		/* What comes to port 53 of lo is from anywhere. */
		{ DNS "}", HOOK_OUTPUT, false,
		  "udp from 53 to 54-65535\nudp from 53 own\n" },
		{ DNS "}", HOOK_OUTPUT, true, "udp from 53 own\n" },
		/* What is routed may be taken from the way all the same. */
		{ DNS "}, " SIP "}", HOOK_INPUT, false,
		  "udp from 5061-65535 to 53\nudp to 53 local\n" },
		{ NTP "}", HOOK_INPUT, false,
		  "udp from 123 to 32768-60999\n" },
		{ NTP ", reply_guard: none}", HOOK_INPUT, false,
		  "udp from 123 to 32768-60999 open\n" },
		{ NTP ", servers: [192.0.2.1]}", HOOK_INPUT, false,
		  "udp from 123 to 124-65535\nudp from 123 local open\n" },
		{ NTP "}", HOOK_OUTPUT, false,
		  "udp from 124-65535 to 123\nudp to 123 own\n" },
		/* Such requests look like answers, without a guard. */
		{ NTP "}, {name: s, role: server, protocol: udp, ports: [40000]}",
		  HOOK_INPUT, false,
		  "udp to 40000 local\nudp from 123 to 32768-60999 open\n" },
		/* Own multicast to the port of requests. */
		{ "{name: s, role: [server, client], protocol: udp, ports: [53]}",
		  HOOK_INPUT, false,
		  "udp to 53 local\nudp from 53 to 32768-60999 local open\n" },
		{ "{name: s, role: [server, router], protocol: udp, ports: [53]}",
		  HOOK_INPUT, false, "udp to 53 local\n" },
		{ DNS ", servers: [192.0.2.1, 224.0.0.251]}", HOOK_INPUT, false,
		  "udp from 54-65535 to 53\nudp to 53 group\n" },
		{ "{name: s, role: client, protocol: tcp, ports: [443]}",
		  HOOK_INPUT, false, "tcp from 443 bound\n" },
		{ DNS "}, {name: s, role: router, protocol: any, clients: [10.0.0.0/8]}",
		  HOOK_INPUT, false, "udp to 53 local\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(made_release) struct made m = { .policy = NULL };
		_cleanup_(strbuf_release) struct strbuf b = { 0 };

		make(&m, cases[i].services, cases[i].hook, cases[i].sends);
		describe(&m, &b);
		assert_string_equal(strbuf_str(&b), cases[i].left);
	}
}

/* So many that they move while more are added. */
static void test_many(void **state)
{
	_cleanup_(made_release) struct made m = { .policy = NULL };
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(strbuf_release) struct strbuf said = { 0 };
	const char *line;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 500; i++)
		strbuf_printf(&b, "%s{name: s%d, role: server, protocol: udp, ports: [%d]}",
			      i ? ", " : "", i, 10000 + i);
	make(&m, strbuf_str(&b), HOOK_INPUT, false);
	describe(&m, &said);
	for (line = strbuf_str(&said);
	     (line = strstr(line, "udp from 10500-65535 to 1")); line++)
		n++;
	assert_int_equal(n, 500);
}

/* Whatever takes packets out besides the policy's own rules. */
static void test_others(void **state)
{
	static const struct foreign_text tee = { "-j TEE --gateway 10.0.0.1",
						 25 };
	struct foreign *f = calloc(1, sizeof(*f));
	struct foreign_rule *r;
	uint32_t chain;

	(void)state;
	assert_non_null(f);
	chain = add_chain(f, "PREROUTING", "prerouting");
	r = add_rule(f, chain, FOREIGN_ACCEPT, NULL);
	assert_false(asked_untracks(f));
	r->raw = tee;
	assert_true(asked_untracks(f));
	r->raw = (struct foreign_text){ 0 };
	assert_int_equal(foreign_add_term(f, &(struct term){
						.kind = TERM_NOTRACK }), 0);
	assert_true(asked_untracks(f));
	foreign_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
