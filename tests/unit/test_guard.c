/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/test_guard.c: who would be locked out, who would not, and with
 * which diagnostics.
 */
#include "tests/unit/plan_hosts.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "engine/guard.h"
#include "tests/unit/foreign_build.h"

#define SSH(more) HEAD "untracked:\n" \
	"- {name: s, role: server, protocol: tcp, ports: [22]" more "}\n"
#define NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define UNTRACKED NF_CT_STATE_UNTRACKED_BIT

/* ---- the host's rules ---- */

/* A chain that drops what its rules don't accept. */
struct wall {
	uint8_t family;
	const char *hook;
	enum foreign_world world;
	const char *device;	/* new logins by this one alone; NULL: any */
	bool by_port;		/* accepts the port in any state */
	bool bans;		/* new logins from the client's address */
};

#define WALL(f, h, ...) { .family = (f), .hook = (h), __VA_ARGS__ }

static const struct wall no_wall;
static const struct wall in_wall = WALL(NFPROTO_INET, "input");
static const struct wall out_wall = WALL(NFPROTO_INET, "output");

static uint32_t put_chain(struct foreign *f, const struct wall *w,
			  const char *name, const char *priority,
			  const char *policy)
{
	uint32_t table, chain;

	assert_int_equal(foreign_table_of(f, w->world, w->family, "host", 1,
					  &table), 0);
	assert_int_equal(foreign_chain(f, table, name, 1, &chain), 0);
	f->chains[chain].type = "filter";
	f->chains[chain].hook = w->hook;
	f->chains[chain].priority = priority;
	f->chains[chain].policy = policy;
	return chain;
}

static void ask_state(struct foreign *f, uint32_t state)
{
	uint32_t v = htonl(state);

	ask(f, FIELD_STATE, &v, &v, sizeof(v), false);
}

static void ask_port(struct foreign *f, enum packet_field x, uint16_t port)
{
	uint16_t v = htons(port);

	ask(f, x, &v, &v, sizeof(v), false);
}

static void name_last(struct foreign *f, const char *raw)
{
	struct foreign_rule *r = &f->rules[f->n_rules - 1];

	r->raw = (struct foreign_text){ raw, strlen(raw) };
}

static void build(struct foreign *f, const struct wall *w)
{
	bool out = w->family && !strcmp(w->hook, "output");
	char device[16] = "";
	uint32_t c;

	if (!w->family)
		return;
	c = put_chain(f, w, "guarded", "0", "drop");
	add_rule(f, c, FOREIGN_ACCEPT, NULL);
	ask_state(f, ESTABLISHED);
	if (w->bans) {
		add_rule(f, c, FOREIGN_DROP, NULL);
		ask_source(f, "192.0.2.50", "192.0.2.50", false);
		name_last(f, "the ban");
	}
	add_rule(f, c, FOREIGN_ACCEPT, NULL);
	ask_port(f, out ? FIELD_SPORT : FIELD_DPORT, 22);
	if (!w->by_port)
		ask_state(f, NEW);
	if (w->device) {
		memcpy(device, w->device, strlen(w->device));
		ask(f, FIELD_IIF, device, device, sizeof(device), false);
	}
}

/* NOTRACK for both directions of port 22, by one interface (NULL: any). */
static void put_notrack(struct foreign *f, const char *device)
{
	static const struct {
		const char *hook;
		enum packet_field port, device;
	} legs[] = {
		{ "prerouting", FIELD_DPORT, FIELD_IIF },
		{ "output", FIELD_SPORT, FIELD_OIF },
	};
	struct term t = { .kind = TERM_NOTRACK };
	char name[16] = "";

	for (size_t i = 0; i < ARRAY_SIZE(legs); i++) {
		const struct wall w = WALL(NFPROTO_INET, legs[i].hook);
		uint32_t c = put_chain(f, &w, legs[i].hook, "-300", "accept");

		add_rule(f, c, FOREIGN_TARGET, "notrack");
		ask_port(f, legs[i].port, 22);
		if (device) {
			memcpy(name, device, strlen(device));
			ask(f, legs[i].device, name, name, sizeof(name),
			    false);
		}
		assert_int_equal(foreign_add_term(f, &t), 0);
	}
}

/* An accept rule of ctpolicy's, ahead of all that the host has there. */
static void put_accept(struct foreign *f, const struct wall *w)
{
	uint32_t table, c;

	assert_int_equal(foreign_table_of(f, w->world, w->family, "host", 1,
					  &table), 0);
	c = foreign_find_chain(f, table, "guarded");
	if (c == FOREIGN_NOWHERE)
		return;
	assert_non_null(foreign_add_rule(f, c, 1));
	f->rules[f->n_rules - 1].verdict = FOREIGN_ACCEPT;
	ask_state(f, UNTRACKED);
	ask_port(f, strcmp(w->hook, "output") ? FIELD_DPORT : FIELD_SPORT, 22);
}

/* ---- and who is logged in ---- */

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

/* ---- the guard, with one of these ---- */

struct play {
	const char *policy;
	const struct wall *wall;
	const struct logins *logins;
	bool accepts, forces;
	const char *device;	/* that NOTRACK rules are for */
};

#define CASE(p, w, l, ...) \
	{ .policy = (p), .wall = (w), .logins = (l), __VA_ARGS__ }

static void note_positions(struct host_rules *h)
{
	h->n = h->f->n_rules;
	h->position = calloc(h->n + 1, sizeof(*h->position));
	assert_non_null(h->position);
	for (uint32_t i = 0; i < h->n; i++)
		h->position[i] = i + 1;
}

static struct walker *new_walker(const struct foreign *f)
{
	struct walker *w;

	assert_int_equal(walker_new(f, &w), 0);
	return w;
}

static int play(struct plan *p, const struct play *x)
{
	struct iface eth[] = { { "eth0", false }, { "eth1", false } };
	const struct iface_set devices = { eth, 2, 2 };
	const struct prefix_set local = { 0 };
	const struct guard_host host = { &local, &devices, TRUTH_YES };
	struct guard g = { 0 };
	struct walker *w;
	struct part *m;
	int err;

	plan_text(p, x->policy);
	p->logins = x->logins;
	if (x->forces)
		p->rq = &forced;
	assert_int_equal(change_add(&p->change, &one, &m), 0);
	p->host.f = calloc(1, sizeof(*p->host.f));
	assert_non_null(p->host.f);
	build(p->host.f, x->wall);
	note_positions(&p->host);
	w = new_walker(p->host.f);
	assert_int_equal(guard_today(p, &host, w, &g), 0);
	walker_free(&w);
	if (strstr(x->policy, "22"))
		put_notrack(p->host.f, x->device);
	if (x->accepts)
		put_accept(p->host.f, x->wall);
	w = new_walker(p->host.f);
	err = guard_then(p, &host, w, &g);
	walker_free(&w);
	guard_release(&g);
	return err;
}

static const struct diag *refused(struct plan *p, const struct play *x)
{
	assert_int_equal(play(p, x), -FAULT_CONFLICT);
	assert_int_equal(p->diags.errors, 1);
	return only(p, ID_LOCKED_OUT);
}

static void passes(const struct play *x)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	assert_int_equal(play(&p, x), 0);
	assert_int_equal(p.diags.n, 0);
}

static void says(const struct play *x, const char *what)
{
	_cleanup_(plan_release) struct plan p = { 0 };

	assert_non_null(strstr(refused(&p, x)->msg, what));
}

static void stops(const struct play *x)
{
	says(x, "lock you out");
}

static void first_packets(void **state)
{
	const struct play x = CASE(SSH(""), &in_wall, &own_ssh);
	_cleanup_(plan_release) struct plan p = { 0 };
	const struct diag *d;

	(void)state;
	d = refused(&p, &x);
	assert_int_equal(d->at.line, 4);
	assert_string_equal(d->msg,
			    "this would lock you out: service s stops tracking your SSH connection (192.0.2.50 -> port 22), and its first packets would be dropped by the policy of chain guarded of table inet host");
	assert_non_null(strstr(d->help, "`accept: open`"));
	assert_non_null(strstr(d->help, "--force"));
}

static void replies(void **state)
{
	(void)state;
	says(&(struct play)CASE(SSH(""), &out_wall, &own_ssh),
	     "and its answers would be dropped by the policy of chain guarded");
}

static void harmless(void **state)
{
	static const struct wall forward = WALL(NFPROTO_INET, "forward");
	static const struct wall by_port =
		WALL(NFPROTO_INET, "input", .by_port = true);

	(void)state;
	passes(&(struct play)CASE(SSH(""), &in_wall,
			&own_ssh, .accepts = true));
	passes(&(struct play)CASE(SSH(""), &out_wall,
			&own_ssh, .accepts = true));
	passes(&(struct play)CASE(SSH(""), &by_port, &own_ssh));
	passes(&(struct play)CASE(SSH(""), &no_wall, &own_ssh));
	passes(&(struct play)CASE(SSH(""), &forward, &own_ssh));
	passes(&(struct play)CASE(WEB, &in_wall, &own_ssh));
	passes(&(struct play)CASE(SSH(""), &in_wall, NULL));
}

static void force_warns(void **state)
{
	const struct play x = CASE(SSH(""), &in_wall, &own_ssh, .forces = true);
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	assert_int_equal(play(&p, &x), 0);
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
		const struct wall w = WALL(cases[i].chain, "input");
		const struct play x = CASE(SSH(""), &w, &own_ssh);

		ssh = login_to(22, cases[i].login, 4711);
		(cases[i].stops ? stops : passes)(&x);
	}
}

/* No accept rule of this backend stands in a chain of the other. */
static void elsewhere(void **state)
{
	static const struct wall w =
		WALL(NFPROTO_IPV4, "input", .world = WORLD_LEGACY);
	const struct play x = CASE(SSH(""), &w, &own_ssh);
	_cleanup_(plan_release) struct plan p = { 0 };

	(void)state;
	one.world = WORLD_NFT;
	assert_non_null(strstr(refused(&p, &x)->help, "--backend"));
}

/* Where it isn't known which login this is, any of them may be. */
static void several(void **state)
{
	struct login v[] = { login_to(2222, AF_INET, 1),
			     login_to(22, AF_INET, 2) };
	const struct logins all = { .v = v, .n = 2 };
	const struct logins own = { .v = v, .n = 2, .own = true };

	(void)state;
	says(&(struct play)CASE(SSH(""), &in_wall, &all),
	     "this may lock you out: service s stops tracking an SSH connection (192.0.2.50 -> port 22)");
	says(&(struct play)CASE(SSH(""), &in_wall, &own), "may lock you out");
}

static void from_environment(void **state)
{
	const struct logins l = { .v = &ssh, .n = 1 };

	(void)state;
	ssh.inode = 0;
	says(&(struct play)CASE(SSH(""), &in_wall, &l),
	     "your SSH connection (192.0.2.50 -> port 22, from SSH_CONNECTION)");
}

/* One who may not log in again must be able to go on. */
static void banned(void **state)
{
	static const struct wall w = WALL(NFPROTO_INET, "input", .bans = true);

	(void)state;
	says(&(struct play)CASE(SSH(""), &w, &own_ssh),
	     "its later packets would be dropped by rule 2 of chain guarded of table inet host: the ban");
	passes(&(struct play)CASE(SSH(""), &w, &own_ssh, .accepts = true));
}

/* It counts by which interface one can be logged in. */
static void interfaces(void **state)
{
	static const struct wall w =
		WALL(NFPROTO_INET, "input", .device = "eth1");

	(void)state;
	stops(&(struct play)CASE(SSH(", interfaces: [eth1]"), &w,
			&own_ssh, .device = "eth1"));
	stops(&(struct play)CASE(SSH(""), &w, &own_ssh));
	passes(&(struct play)CASE(SSH(", interfaces: [eth2]"), &w,
			&own_ssh, .device = "eth2"));
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

		p.logins = &cases[i].logins;
		guard_note_unknown(&p);
		assert_int_equal(p.diags.n, cases[i].says);
		if (cases[i].says)
			assert_int_equal(only(&p, cases[i].id)->level,
					 DIAG_WARNING);
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
		TEST(banned),
		TEST(interfaces),
		TEST(confirm_over_the_same),
		TEST(confirm_over_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
