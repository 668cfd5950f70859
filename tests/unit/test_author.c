/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_author.c: who runs a command, in a tree that looks like /. */

#include "core/mem.h"
#include "host/author.h"
#include "tests/unit/file_tree.h"

#define PASSWD                                                                \
	"# 1000:x:1000:\nroot:x:0:0:root:/root:/bin/sh\nbroken\nother:x\n"    \
	":x:1000:\nbig:x:10000:\nalice:x:1000:1000::/:/bin/sh\n"              \
	"toor:x:0:0::/:\n"
#define UNSET "4294967295"
#define STAT(tty) "7 (a) b (c) S 1 7 7 " tty " 7 4194560"

/* The folders that every case has. */
static int setup(void **state)
{
	if (begin(state))
		return -1;
	make_folder("proc");
	make_folder("proc/self");
	make_folder("etc");
	return 0;
}

static void expect(const char *is, const char *wanted)
{
	if (wanted)
		assert_string_equal(is ? is : "(none)", wanted);
	else
		assert_null(is);
}

static void test_user(void **state)
{
	static const struct {
		const char *login, *sudo;
		uid_t own;
		const char *user, *via;
	} v[] = {
		{ "1000", "1000", 0, "alice", "sudo" },
		{ "1000\n", NULL, 0, "alice", NULL },
		{ "0", "0", 0, "root", "sudo" },
		/* who is not who logged in says nothing */
		{ "1000", "0", 0, "alice", NULL },
		{ "1000", "1000x", 0, "alice", NULL },
		{ "1000", "", 0, "alice", NULL },
		{ UNSET, "1000", 0, "root", NULL },
		{ UNSET, UNSET, 0, "root", NULL },
		{ UNSET, NULL, 1000, "alice", NULL },
		{ "4294967296", NULL, 0, "root", NULL },
		{ "nonsense", NULL, 0, "root", NULL },
		{ "", NULL, 77, "77", NULL },
		{ "10000", NULL, 0, "big", NULL },
		{ "100", NULL, 0, "100", NULL },
	};

	(void)state;
	put("etc/passwd", PASSWD);
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		_cleanup_(author_release) struct author a = { 0 };

		put("proc/self/loginuid", v[i].login);
		assert_int_equal(author_read(tree, v[i].sudo, v[i].own, &a), 0);
		expect(a.user, v[i].user);
		expect(a.via, v[i].via);
		assert_null(a.tty);
		assert_null(a.unit);
	}
}

/* What is not there is not known. */
static void test_nothing(void **state)
{
	_cleanup_(author_release) struct author a = { 0 };

	(void)state;
	assert_int_equal(author_read(tree, NULL, 0, &a), 0);
	expect(a.user, "0");
}

static void test_tty(void **state)
{
	static const struct {
		const char *stat, *tty;
	} v[] = {
		{ STAT("34816"), "pts/0" }, { STAT("34819"), "pts/3" },
		{ STAT("35073"), "pts/257" },
		{ STAT("1025"), "tty1" }, { STAT("1088"), "ttyS0" },
		{ STAT("0"), NULL }, { STAT("-1"), NULL }, { "", NULL },
		{ "7 (a", NULL }, { "7 (a) S", NULL }, { "7 (a) S 1 7 7", NULL },
		{ STAT("1281"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		_cleanup_(author_release) struct author a = { 0 };

		put("proc/self/stat", v[i].stat);
		assert_int_equal(author_read(tree, NULL, 0, &a), 0);
		expect(a.tty, v[i].tty);
	}
}

static void test_unit(void **state)
{
	static const struct {
		const char *cgroup, *unit;
	} v[] = {
		{ "0::/system.slice/ctpolicy.service\n", "ctpolicy.service" },
		{ "0::/system.slice/run-u5.service/sub", "run-u5.service" },
		{ "0::/user.slice/user-1.slice/user@1.service/app.slice/x.service",
		  "x.service" },
		{ "0::/user.slice/user-0.slice/session-3.scope\n", NULL },
		{ "0::/user.slice/user-1.slice/user@1.service/a.slice/b.scope",
		  NULL },
		{ "12:pids:/x.service\n1:name=systemd:/system.slice/y.service\n"
		  "0::/\n", "y.service" },
		{ "0::/\n", NULL }, { "0::/.service", NULL }, { "", NULL },
		{ "nonsense\n:\n", NULL }, { "0::x.service", NULL },
		{ "2:cpu:/y.service\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		_cleanup_(author_release) struct author a = { 0 };

		put("proc/self/cgroup", v[i].cgroup);
		assert_int_equal(author_read(tree, NULL, 0, &a), 0);
		expect(a.unit, v[i].unit);
	}
}

static void test_this_process(void **state)
{
	_cleanup_(author_release) struct author a = { 0 };

	(void)state;
	assert_int_equal(author_find(&a), 0);
	assert_non_null(a.user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_user, setup, end),
		cmocka_unit_test_setup_teardown(test_nothing, setup, end),
		cmocka_unit_test_setup_teardown(test_tty, setup, end),
		cmocka_unit_test_setup_teardown(test_unit, setup, end),
		cmocka_unit_test(test_this_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
