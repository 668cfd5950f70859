/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_file_match.c: patterns mean what glob(7) says they do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/file_match.h"
#include "core/mem.h"
#include "core/strbuf.h"

static char folder[] = "/tmp/ctpolicy-match.XXXXXX";

static const char *const names[] = {
	"a.conf", "b.conf", ".c.conf", "*", "x[1]", "sub/d.conf", "sub/e.d/f",
};

static void make(const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
}

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("sub", 0700), 0);
	assert_int_equal(mkdir("sub/e.d", 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		make(names[i]);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlink(names[i]);
	unlink("dangling");
	rmdir("sub/e.d");
	rmdir("sub");
	assert_int_equal(chdir("/"), 0);
	return rmdir(folder);
}

static int add(void *arg, const char *path)
{
	strbuf_printf(arg, "%s ", path + strlen(folder) + 1);
	return 0;
}

static void expect(const char *pattern, const char *want)
{
	_cleanup_(strbuf_release) struct strbuf got = { 0 };
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, pattern);
	assert_int_equal(file_match(path, add, &got), 0);
	assert_string_equal(strbuf_str(&got), want);
}

static void test_patterns(void **state)
{
	(void)state;
	expect("a.conf", "a.conf ");
	expect("none", "");
	expect("none/*", "");
	expect("*.conf", "a.conf b.conf ");
	expect(".*.conf", ".c.conf ");
	expect("?.conf", "a.conf b.conf ");
	expect("[b-z].conf", "b.conf ");
	expect("*/*.conf", "sub/d.conf ");
	expect("*/e.?/f", "sub/e.d/f ");
	expect("sub//d.conf", "sub//d.conf ");
	expect("s*/", "sub/ ");
	/* a name with signs of its own is that name, and no pattern */
	expect("\\*", "* ");
	expect("x\\[1]", "x[1] ");
	expect("[*]", "* ");
	expect("dang*", "dangling ");
}

static int stop(void *arg, const char *path)
{
	(void)path;
	return ++*(int *)arg == 2 ? -EINTR : 0;
}

static void test_stops(void **state)
{
	char path[256];
	int seen = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/*", folder);
	assert_int_equal(file_match(path, stop, &seen), -EINTR);
	assert_int_equal(seen, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_stops),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
