/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_login.c: logins, found in a tree that looks like /proc. */
#include <errno.h>

#include "core/mem.h"
#include "core/strbuf.h"
#include "host/login.h"
#include "tests/unit/file_tree.h"

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue\n"
/* Addresses as a little-endian machine prints them: 192.0.2.1, 192.0.2.50. */
#define ROW(here, there, state, inode)                                        \
	"   0: " here " " there " " state                                     \
	" 00000000:00000000 00:00000000 00000000     0        0 " inode       \
	" 1 0000000000000000 100 0 0 10 0\n"
#define LISTENS ROW("00000000:0016", "00000000:0000", "0A", "10")
#define LOGIN_A ROW("010200C0:0016", "320200C0:C350", "01", "11")
#define LOGIN_B ROW("010200C0:0016", "330200C0:C351", "01", "12")
#define GONE ROW("010200C0:0016", "340200C0:C352", "06", "0")
#define FORWARD ROW("0100007F:1F90", "0100007F:9C40", "01", "13")
#define MAPPED                                                                \
	ROW("0000000000000000FFFF0000010200C0:0016",                          \
	    "0000000000000000FFFF0000320200C0:C350", "01", "14")

/* The folders that every case has. */
static int setup(void **state)
{
	if (begin(state))
		return -1;
	make_folder("self");
	make_folder("self/net");
	return 0;
}

static void put_self(int parent)
{
	char text[64];

	snprintf(text, sizeof(text), "100 (ctpolicy) R %d 1 1 0 -1\n", parent);
	put("self/stat", text);
}

static void put_process(int pid, const char *name, int parent)
{
	char path[32], text[128];

	snprintf(path, sizeof(path), "%d", pid);
	make_folder(path);
	snprintf(path, sizeof(path), "%d/fd", pid);
	make_folder(path);
	snprintf(path, sizeof(path), "%d/comm", pid);
	snprintf(text, sizeof(text), "%s\n", name);
	put(path, text);
	snprintf(path, sizeof(path), "%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S %d 1 1 0 -1\n", pid, name,
		 parent);
	put(path, text);
}

static void put_fd(int pid, int fd, const char *to)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/fd/%d", pid, fd);
	assert_int_equal(symlinkat(to, tree, path), 0);
}

/* 10 listens; 20 and 30 are logins; 31, 32 are below 30. */
static void put_host(int parent)
{
	put_process(1, "systemd", 0);
	put_process(10, "sshd", 1);
	put_fd(10, 3, "socket:[10]");
	put_process(20, "sshd", 10);
	put_fd(20, 4, "socket:[12]");
	put_process(30, "sshd-session", 10);
	put_fd(30, 0, "/dev/null");
	put_fd(30, 9, "socket:[13]");
	put_fd(30, 4, "socket:[11]");
	put_fd(30, 5, "socket:[99]");
	put_process(31, "a (b) c", 30);
	put_process(32, "sudo", 31);
	put("self/net/tcp", HEAD LISTENS FORWARD LOGIN_B LOGIN_A GONE);
	put_self(parent);
}

static void assert_login(const struct logins *l, size_t i, const char *text,
			 uint64_t inode)
{
	struct flow f;

	assert_true(i < l->n);
	assert_true(login_parse(text, &f));
	assert_memory_equal(&l->v[i].flow, &f, sizeof(f));
	assert_int_equal(l->v[i].inode, inode);
}

static void test_parents(void **state)
{
	_cleanup_(logins_release) struct logins l = { 0 };

	(void)state;
	put_host(32);
	assert_int_equal(logins_read(tree, NULL, &l), 0);
	assert_true(l.own && !l.hidden && !l.shared && !l.garbled);
	assert_int_equal(l.n, 1);
	assert_login(&l, 0, "192.0.2.50 50000 192.0.2.1 22", 11);
	assert_int_equal(l.v[0].pid, 30);
}

/* The same one said twice is one; another stands behind. */
static void test_environment(void **state)
{
	_cleanup_(logins_release) struct logins l = { 0 }, m = { 0 },
						n = { 0 };

	(void)state;
	put_host(32);
	assert_int_equal(logins_read(tree, "192.0.2.50 50000 192.0.2.1 22",
				     &l), 0);
	assert_int_equal(l.n, 1);
	assert_int_equal(logins_read(tree, "192.0.2.9 9 192.0.2.1 22", &m), 0);
	assert_int_equal(m.n, 2);
	assert_true(m.own);
	assert_login(&m, 1, "192.0.2.9 9 192.0.2.1 22", 0);
	assert_int_equal(logins_read(-1, "192.0.2.9 9 192.0.2.1", &n), 0);
	assert_true(n.garbled && !n.n && !n.own);
}

static void test_others(void **state)
{
	_cleanup_(logins_release) struct logins l = { 0 };

	(void)state;
	put_host(40);
	put_process(40, "tmux: server", 1);
	assert_int_equal(logins_read(tree, NULL, &l), 0);
	assert_true(l.shared && !l.own);
	assert_int_equal(l.n, 2);
	assert_int_equal(l.v[0].inode + l.v[1].inode, 11 + 12);
}

/* No /proc, no table, no such socket: nothing is known. */
static void test_nothing(void **state)
{
	_cleanup_(logins_release) struct logins l = { 0 };

	(void)state;
	assert_int_equal(logins_read(-1, NULL, &l), 0);
	assert_int_equal(l.n, 0);
	put_host(32);
	assert_int_equal(unlinkat(tree, "self/net/tcp", 0), 0);
	assert_int_equal(logins_read(tree, NULL, &l), 0);
	assert_int_equal(l.n, 0);
	put("self/net/tcp", HEAD LISTENS);
	assert_int_equal(logins_read(tree, NULL, &l), 0);
	assert_int_equal(l.n, 0);
}

/* With fewer sockets than a listener and a login nobody is searched for. */
static void test_counts(void **state)
{
	static const struct {
		const char *four, *six;
		size_t n;
	} cases[] = {
		{ "1 orphan 0\n", "0\n", 0 }, { "0 orphan 0\n", "1\n", 0 },
		{ "1 orphan 0\n", "1\n", 2 }, { "0 orphan 0\n", "2\n", 2 },
		{ "x\n", "0\n", 2 }, { "0 orphan 0\n", "", 2 },
		{ "99999999999999999999999\n", "0\n", 2 },
	};

	(void)state;
	put_host(1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(logins_release) struct logins l = { 0 };
		char text[128];

		snprintf(text, sizeof(text), "sockets: used 9\nTCP: inuse %s",
			 cases[i].four);
		put("self/net/sockstat", text);
		snprintf(text, sizeof(text), "TCP6: inuse %s", cases[i].six);
		put("self/net/sockstat6", text);
		assert_int_equal(logins_read(tree, NULL, &l), 0);
		assert_int_equal(l.n, cases[i].n);
	}
}

/* Of a login among the parents they say nothing: that one is looked for. */
static void test_counts_own(void **state)
{
	_cleanup_(logins_release) struct logins l = { 0 };

	(void)state;
	put_host(32);
	put("self/net/sockstat", "sockets: used 9\nTCP: inuse 0\n");
	put("self/net/sockstat6", "TCP6: inuse 1\n");
	assert_int_equal(logins_read(tree, NULL, &l), 0);
	assert_int_equal(l.n, 1);
	assert_true(l.own);
}

static void test_mapped(void **state)
{
	_cleanup_(logins_release) struct logins l = { 0 };

	(void)state;
	put_process(30, "dropbear", 1);
	put_fd(30, 4, "socket:[14]");
	put_self(30);
	put("self/net/tcp6", HEAD MAPPED);
	assert_int_equal(logins_read(tree, NULL, &l), 0);
	assert_int_equal(l.n, 1);
	assert_login(&l, 0, "192.0.2.50 50000 192.0.2.1 22", 14);
}

/* A malformed value is ignored, and does not end the command. */
static void test_damaged(void **state)
{
	static const char *const stats[] = {
		"", "100", "100 (x", "100 x) R 30 1", "100 (x) R", "(x) R 30 1",
		"100 (x) R -30 1", "100 (x) R 99999999999 1", "100 (x)R 30 1",
	};
	static const char *const tables[] = {
		"", HEAD "0\n", HEAD "   0: 010200C0:0016\n",
		HEAD ROW("010200C:0016", "320200C0:C350", "01", "11"),
		HEAD ROW("010200C0:0016", "320200C0:C350", "0x", "11"),
		HEAD ROW("010200C0:0016", "320200C0:C350", "01", "x"),
		HEAD ROW("010200C0:0016", "320200C0:C350", "01",
			 "99999999999999999999999"),
	};

	(void)state;
	put_host(32);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		_cleanup_(logins_release) struct logins l = { 0 };

		put("self/net/tcp", tables[i]);
		assert_int_equal(logins_read(tree, NULL, &l), 0);
		assert_int_equal(l.n, 0);
	}
	put("self/net/tcp", HEAD LISTENS LOGIN_A LOGIN_B);
	for (size_t i = 0; i < ARRAY_SIZE(stats); i++) {
		_cleanup_(logins_release) struct logins l = { 0 };

		put("self/stat", stats[i]);
		assert_int_equal(logins_read(tree, NULL, &l), 0);
		assert_false(l.own);
	}
}

/* A process that is its own parent ends the walk all the same. */
static void test_circle(void **state)
{
	_cleanup_(logins_release) struct logins l = { 0 };

	(void)state;
	put_process(50, "x", 51);
	put_process(51, "y", 50);
	put_self(50);
	assert_int_equal(logins_read(tree, NULL, &l), 0);
	assert_int_equal(l.n, 0);
}

static void test_text(void **state)
{
	static const char *const bad[] = {
		"", "x", "192.0.2.1 1 192.0.2.2", "192.0.2.1 1 192.0.2.2 22 3",
		"192.0.2.1 1 2001:db8::1 22", "192.0.2.1 x 192.0.2.2 22",
		"192.0.2.1 1-2 192.0.2.2 22", "192.0.2.1  1 192.0.2.2 22",
		"192.0.2.1 1 192.0.2.2 65536",
	};
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct login l = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(login_parse(bad[i], &l.flow));
	assert_true(login_parse("fe80::1%eth0 1 fe80::2%eth0 22", &l.flow));
	login_print(&l, &b);
	assert_string_equal(strbuf_str(&b), "fe80::1 -> port 22");
	assert_true(login_parse("::ffff:192.0.2.1 1 ::ffff:192.0.2.2 22",
				&l.flow));
	assert_int_equal(l.flow.family, AF_INET);
}

static struct login make_login(const char *text, uint64_t inode)
{
	struct login l = { .inode = inode };

	assert_true(login_parse(text, &l.flow));
	return l;
}

/* The login that confirms, and what was remembered of the one that applied. */
static void test_new(void **state)
{
	struct login a = make_login("192.0.2.50 1 192.0.2.1 22", 11);
	struct login b = make_login("192.0.2.51 1 192.0.2.1 22", 12);
	struct login both[] = { a, b }, from_env = a, again = a;
	const struct logins own_a = { .v = &a, .n = 1, .own = true };
	const struct logins own_b = { .v = &b, .n = 1, .own = true };
	const struct logins tmux_a = { .v = &a, .n = 1, .shared = true };
	const struct logins tmux_both = { .v = both, .n = 2, .shared = true };
	const struct logins console = { .v = both, .n = 2 };
	struct logins env = { .v = &from_env, .n = 1, .hidden = true };
	struct logins later = { .v = &again, .n = 1, .own = true };
	char of_a[64], of_both[128], of_console[8], short_of[50];

	(void)state;
	from_env.inode = 0;
	again.inode = 15;
	logins_remember(&own_a, of_a, sizeof(of_a));
	assert_string_equal(of_a, "192.0.2.50 1 192.0.2.1 22 11");
	logins_remember(&tmux_both, of_both, sizeof(of_both));
	logins_remember(&tmux_both, short_of, sizeof(short_of));
	assert_string_equal(short_of, of_a);
	logins_remember(&console, of_console, sizeof(of_console));
	assert_string_equal(of_console, "");
	assert_false(logins_are_new(&own_a, of_a));
	assert_true(logins_are_new(&own_b, of_a));
	assert_true(logins_are_new(&later, of_a));
	assert_false(logins_are_new(&env, of_a));
	assert_false(logins_are_new(&tmux_a, of_a));
	assert_true(logins_are_new(&tmux_both, of_a));
	assert_false(logins_are_new(&tmux_both, of_both));
	assert_false(logins_are_new(&own_b, of_both));
	assert_true(logins_are_new(&console, of_both));
	assert_true(logins_are_new(&own_a, ""));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_parents, setup, end),
		cmocka_unit_test_setup_teardown(test_environment, setup, end),
		cmocka_unit_test_setup_teardown(test_others, setup, end),
		cmocka_unit_test_setup_teardown(test_nothing, setup, end),
		cmocka_unit_test_setup_teardown(test_counts, setup, end),
		cmocka_unit_test_setup_teardown(test_counts_own, setup, end),
		cmocka_unit_test_setup_teardown(test_mapped, setup, end),
		cmocka_unit_test_setup_teardown(test_damaged, setup, end),
		cmocka_unit_test_setup_teardown(test_circle, setup, end),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_new),
	};

	/* The tables above are a little-endian machine's. */
	if (htons(1) == 1)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
