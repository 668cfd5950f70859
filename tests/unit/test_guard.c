/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_guard.c: who would be locked out, who would not, and with
 * which diagnostics.
 */
#include "tests/unit/plan_hosts.h"

#include <arpa/inet.h>

#include "engine/guard.h"

#define SERVICE(role, proto, more) HEAD "untracked:\n" \
	"- {name: s, role: " role ", protocol: " proto ", " more "}\n"
#define SSH_CLOSED SERVICE("server", "tcp", "ports: [22], accept: none")
#define SSH_OPEN SERVICE("server", "tcp", "ports: [22], accept: open")
#define MANAGED(more) HEAD "management:\n" \
	"- {name: s, role: server, protocol: tcp, " more "}\n"

/* ---- the host, and who is logged in ---- */

enum world { HERE, ELSEWHERE };

/* A chain that drops something at this hook. */
struct wall {
	uint8_t family;
	enum hook hook;
	enum world world;
};

static const struct wall no_wall, in_wall = { NFPROTO_INET, HOOK_INPUT, HERE };
static const struct wall out_wall = { NFPROTO_INET, HOOK_OUTPUT, HERE };

static void plan_walled(struct plan *p, const char *text,
			const struct wall *w)
{
	struct foreign_chain *f;
	struct part *m;

	plan_text(p, text);
	assert_int_equal(change_add(&p->change, &one, &m), 0);
	if (!w->family)
		return;
	f = survey_add(w->world == HERE ? &m->live.survey : &m->elsewhere);
	assert_non_null(f);
	f->family = w->family;
	f->table = "filter";
	f->chain = "guarded";
	f->hook = w->hook;
}

/* From 192.0.2.50 or 2001:db8::50, port 50123, to the host's port. */
static struct login login_to(uint16_t port, uint8_t family, uint64_t inode)
{
	struct login l = {
		.flow = { .family = family, .proto = IPPROTO_TCP,
			  .sport = 50123, .dport = port, .to_local = true },
		.inode = inode,
	};
	bool v4 = family == AF_INET;

	inet_pton(family, v4 ? "192.0.2.50" : "2001:db8::50", l.flow.saddr);
	inet_pton(family, v4 ? "192.0.2.1" : "2001:db8::1", l.flow.daddr);
	return l;
}

/* The connection of this very command, to port 22. */
static struct login ssh;
static const struct logins own_ssh = { .v = &ssh, .n = 1, .own = true };
static const struct request forced = { .command = "apply", .force = true };

static int begin(void **state)
{
	ssh = login_to(22, AF_INET, 4711);
	return setup(state);
}

static const struct diag *refused(struct plan *p, const struct logins *l)
{
	p->logins = l;
	assert_int_equal(guard_check(p), -FAULT_CONFLICT);
	assert_int_equal(p->diags.errors, 1);
	return only(p, ID_LOCKED_OUT);
}

static void passes(const char *text, const struct wall *w,
		   const struct logins *l)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	plan_walled(&p, text, w);
	p.logins = l;
	assert_int_equal(guard_check(&p), 0);
	assert_int_equal(p.diags.n, 0);
}

static void stops(const char *text, const struct wall *w,
		  const struct logins *l)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	plan_walled(&p, text, w);
	refused(&p, l);
}

/* ---- logins ---- */

static void first_packets(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };
	const struct diag *d;

	(void)state;
	plan_walled(&p, SSH_CLOSED, &in_wall);
	d = refused(&p, &own_ssh);
	assert_int_equal(d->at.line, 4);
	assert_string_equal(d->msg,
			    "this would lock you out: service s stops tracking your SSH connection (192.0.2.50 -> port 22), and chain guarded (table filter) drops untracked packets");
	assert_non_null(strstr(d->help, "`accept: open`"));
	assert_non_null(strstr(d->help, "--force"));
}

static void replies(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	plan_walled(&p, SSH_CLOSED, &out_wall);
	assert_non_null(strstr(refused(&p, &own_ssh)->msg,
			       "stops tracking replies of your SSH connection"));
}

static void harmless(void **state)
{
	static const struct wall forward = { NFPROTO_INET, HOOK_FORWARD, HERE };

	(void)state;
	passes(SSH_OPEN, &in_wall, &own_ssh);
	passes(SSH_OPEN, &out_wall, &own_ssh);
	passes(SSH_CLOSED, &no_wall, &own_ssh);
	passes(SSH_CLOSED, &forward, &own_ssh);
	passes(WEB, &in_wall, &own_ssh);
	passes(SSH_CLOSED, &in_wall, NULL);
}

static void force_warns(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	plan_walled(&p, SSH_CLOSED, &in_wall);
	p.rq = &forced;
	p.logins = &own_ssh;
	assert_int_equal(guard_check(&p), 0);
	assert_int_equal(p.diags.errors, 0);
	assert_int_equal(only(&p, ID_LOCKED_OUT)->level, DIAG_WARNING);
}

/* A chain of one family drops nothing of the other. */
static void families(void **state)
{
	static const struct {
		uint8_t chain, login;
		bool stops;
	} cases[] = {
		{ NFPROTO_IPV4, AF_INET, true },
		{ NFPROTO_IPV4, AF_INET6, false },
		{ NFPROTO_IPV6, AF_INET, false },
		{ NFPROTO_IPV6, AF_INET6, true },
		{ NFPROTO_INET, AF_INET6, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct wall w = { cases[i].chain, HOOK_INPUT, HERE };

		ssh = login_to(22, cases[i].login, 4711);
		(cases[i].stops ? stops : passes)(SSH_CLOSED, &w, &own_ssh);
	}
}

/* No accept rule of this backend stands before a chain of the other. */
static void elsewhere(void **state)
{
	static const struct wall w = { NFPROTO_IPV4, HOOK_INPUT, ELSEWHERE };
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	plan_walled(&p, SSH_OPEN, &w);
	assert_non_null(strstr(refused(&p, &own_ssh)->help, "--backend"));
}

/* Where it isn't known which login this is, any of them may be. */
static void several(void **state)
{
	struct login v[] = { login_to(2222, AF_INET, 1),
			     login_to(22, AF_INET, 2) };
	const struct logins all = { .v = v, .n = 2 };
	const struct logins own = { .v = v, .n = 2, .own = true };
	_cleanup_(plan_release) struct plan p = { 0 }, q = { 0 };

	(void)state;
	plan_walled(&p, SSH_CLOSED, &in_wall);
	assert_non_null(strstr(refused(&p, &all)->msg,
			       "this may lock you out: service s stops tracking an SSH connection (192.0.2.50 -> port 22)"));
	plan_walled(&q, SSH_CLOSED, &in_wall);
	assert_non_null(strstr(refused(&q, &own)->msg, "may lock you out"));
}

static void from_environment(void **state)
{
	const struct logins l = { .v = &ssh, .n = 1 };
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	ssh.inode = 0;
	plan_walled(&p, SSH_CLOSED, &in_wall);
	assert_non_null(strstr(refused(&p, &l)->msg,
			       "your SSH connection (192.0.2.50 -> port 22, from SSH_CONNECTION)"));
}

static void unknown(void **state)
{
	static const struct {
		struct logins logins;
		bool says;
		enum diag_id id;
	} cases[] = {
		{ { .garbled = true }, true, ID_SSH_CONNECTION },
		{ { .hidden = true }, true, ID_LOGIN_UNKNOWN },
		{ { .garbled = true, .hidden = true }, true,
		  ID_SSH_CONNECTION },
		{ { .shared = true }, false, 0 },
		{ { .v = &ssh, .n = 1, .hidden = true }, false, 0 },
		{ { .v = &ssh, .n = 1, .own = true, .garbled = true }, false,
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(plan_release) struct plan p = { 0 };

		plan_walled(&p, WEB, &in_wall);
		p.logins = &cases[i].logins;
		assert_int_equal(guard_check(&p), 0);
		assert_int_equal(p.diags.n, cases[i].says);
		if (cases[i].says)
			assert_int_equal(only(&p, cases[i].id)->level,
					 DIAG_WARNING);
	}
}

/* ---- which accept rules help ---- */

/* Through an interface that the login need not use. */
static void accepted_elsewhere_only(void **state)
{
	static const char *const texts[] = {
		HEAD "untracked:\n"
		"- {name: all, role: server, protocol: tcp, ports: [22], accept: none}\n"
		"- {name: lan, role: server, protocol: tcp, ports: [22], interfaces: [lan0], accept: open}\n",
		HEAD "untracked:\n"
		"- {name: a, role: server, protocol: tcp, ports: [22], interfaces: [lan0], accept: open}\n"
		"- {name: b, role: server, protocol: tcp, ports: [22], accept: none}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		stops(texts[i], &in_wall, &own_ssh);
	passes(SERVICE("server", "tcp",
		       "ports: [22], interfaces: [lan0], accept: open"),
	       &in_wall, &own_ssh);
}

/* A client's replies are accepted without those that open a connection. */
static void accepted_as_reply_only(void **state)
{
	(void)state;
	stops(SERVICE("client", "tcp", "ports: [50000-51000], accept: open, reply_guard: none"),
	      &in_wall, &own_ssh);
}

static void accepted_from_others_only(void **state)
{
	static const char text[] = HEAD "untracked:\n"
		"- {name: all, role: server, protocol: tcp, ports: [22], accept: none}\n"
		"- {name: few, role: server, protocol: tcp, ports: [22], clients: [%s], accept: open}\n";
	char few[512];

	(void)state;
	snprintf(few, sizeof(few), text, "198.51.100.0/24");
	stops(few, &in_wall, &own_ssh);
	snprintf(few, sizeof(few), text, "192.0.2.0/24");
	passes(few, &in_wall, &own_ssh);
}

/* ---- services that must not be cut off ---- */

static void management(void **state)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	plan_walled(&p, MANAGED("ports: [22], accept: none"), &in_wall);
	assert_non_null(strstr(refused(&p, NULL)->msg,
			       "this may lock you out: service s stops tracking connections to management service s,"));
	passes(MANAGED("ports: [22], accept: open"), &in_wall, NULL);
	passes(SSH_CLOSED, &in_wall, NULL);
}

/* Another service accepts some of it: both ends of a range count. */
static void management_ports(void **state)
{
	static const char text[] = HEAD "untracked:\n"
		"- {name: x, role: server, protocol: tcp, ports: [%s], accept: open}\n"
		"management:\n"
		"- {name: m, role: server, protocol: tcp, ports: [2000-2010, 3000], accept: none}\n";
	static const struct {
		const char *ports;
		bool stops;
	} cases[] = {
		{ "2000-2010, 3000", false }, { "1-65535", false },
		{ "2001-2010, 3000", true }, { "2000-2009, 3000", true },
		{ "2000-2010", true },
	};
	char with[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(with, sizeof(with), text, cases[i].ports);
		(cases[i].stops ? stops : passes)(with, &in_wall, NULL);
	}
}

/* It is kept on its own interfaces, whatever happens on others. */
static void management_interfaces(void **state)
{
	static const char text[] = HEAD "untracked:\n"
		"- {name: x, role: server, protocol: tcp, ports: [22], accept: %s}\n"
		"management:\n"
		"- {name: m, role: server, protocol: tcp, ports: [22], interfaces: [lan0, 'wan*'], accept: %s}\n";
	char with[512];

	(void)state;
	for (int closed = 0; closed < 2; closed++) {
		snprintf(with, sizeof(with), text, "none",
			 closed ? "none" : "open");
		(closed ? stops : passes)(with, &in_wall, NULL);
	}
	snprintf(with, sizeof(with), text, "open", "none");
	passes(with, &in_wall, NULL);
	snprintf(with, sizeof(with), text,
		 "open, interfaces: [lan0]", "none");
	stops(with, &in_wall, NULL);
	snprintf(with, sizeof(with), text,
		 "open, interfaces: [lan0, 'wan*']", "none");
	passes(with, &in_wall, NULL);
}

static void management_families(void **state)
{
	static const struct {
		const char *clients;
		uint8_t wall;
		bool stops;
	} cases[] = {
		{ "192.0.2.0/24", NFPROTO_IPV4, true },
		{ "192.0.2.0/24", NFPROTO_IPV6, false },
		{ "'2001:db8::/32'", NFPROTO_IPV4, false },
		{ "'2001:db8::/32'", NFPROTO_IPV6, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct wall w = { cases[i].wall, HOOK_INPUT, HERE };
		char text[256];

		snprintf(text, sizeof(text),
			 MANAGED("ports: [22], clients: [%s], accept: none"),
			 cases[i].clients);
		(cases[i].stops ? stops : passes)(text, &w, NULL);
	}
}

/* ---- confirming ---- */

static int confirm(const struct logins *l, bool force, struct diags *d)
{
	struct pending trial = { .id = 7 };
	struct login before = login_to(22, AF_INET, 4711);
	const struct logins then = { .v = &before, .n = 1, .own = true };

	logins_remember(&then, trial.login, sizeof(trial.login));
	return guard_confirm(l, &trial, force, d);
}

static void confirm_over_the_same(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 }, f = { 0 };

	(void)state;
	assert_int_equal(confirm(&own_ssh, false, &d), -FAULT_CONFLICT);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].id, ID_SAME_LOGIN);
	assert_int_equal(d.v[0].level, DIAG_ERROR);
	assert_non_null(strstr(d.v[0].msg, "change 7 "));
	assert_non_null(strstr(d.v[0].msg, "it stays on trial"));
	assert_non_null(d.v[0].help);
	assert_int_equal(confirm(&own_ssh, true, &f), 0);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.v[0].level, DIAG_WARNING);
	assert_null(strstr(f.v[0].msg, "on trial"));
}

static void confirm_over_another(void **state)
{
	_cleanup_(diags_release) struct diags d = { 0 };
	const struct logins none = { 0 };
	struct pending trial = { .id = 7 };

	(void)state;
	ssh.flow.sport++;
	ssh.inode++;
	assert_int_equal(confirm(&own_ssh, false, &d), 0);
	assert_int_equal(confirm(&none, false, &d), 0);
	/* applied from a console, say */
	assert_int_equal(guard_confirm(&own_ssh, &trial, false, &d), 0);
	assert_int_equal(d.n, 0);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_packets),
		TEST(replies),
		TEST(harmless),
		TEST(force_warns),
		TEST(families),
		TEST(elsewhere),
		TEST(several),
		TEST(from_environment),
		TEST(unknown),
		TEST(accepted_elsewhere_only),
		TEST(accepted_as_reply_only),
		TEST(accepted_from_others_only),
		TEST(management),
		TEST(management_ports),
		TEST(management_interfaces),
		TEST(management_families),
		TEST(confirm_over_the_same),
		TEST(confirm_over_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
