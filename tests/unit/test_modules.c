/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_modules.c: /sys/module, of a made tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/mem.h"
#include "host/modules.h"

static char sys[128];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* holders: names, each followed by a blank; refs NULL: it is built in. */
static void put(const char *name, const char *refs, const char *holders)
{
	char path[512];
	size_t n;

	snprintf(path, sizeof(path), "%s/%s", sys, name);
	assert_int_equal(mkdir(path, 0700), 0);
	if (!refs)
		return;
	snprintf(path, sizeof(path), "%s/%s/refcnt", sys, name);
	write_file(path, refs);
	snprintf(path, sizeof(path), "%s/%s/holders", sys, name);
	assert_int_equal(mkdir(path, 0700), 0);
	for (; *holders; holders += n + 1) {
		n = strcspn(holders, " ");
		snprintf(path, sizeof(path), "%s/%s/holders/%.*s", sys, name,
			 (int)n, holders);
		write_file(path, "");
	}
}

static int make_tree(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(sys, sizeof(sys), "%s/modules.XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(sys) ? 0 : -1;
}

static int remove_tree(void **state)
{
	char path[512];

	(void)state;
	snprintf(path, sizeof(path), "rm -rf '%s'", sys);
	return system(path); /* NOLINT(cert-env33-c) */
}

static size_t at(const struct modules *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->v[i].name, name))
			return i;
	fail_msg("%s is not there", name);
	return 0;
}

static void users_go_first(void **state)
{
	_cleanup_(modules_release) struct modules all = { 0 }, m = { 0 };

	(void)state;
	put("nf_conntrack", "4\n",
	    "nf_nat xt_CT nf_conntrack_netlink xt_conntrack ");
	put("nf_nat", "2\n", "iptable_nat xt_MASQUERADE ");
	put("iptable_nat", "1\n", "");
	put("xt_MASQUERADE", "1\n", "");
	put("xt_CT", "0\n", "");
	put("xt_conntrack", "3\n", "");
	put("nf_conntrack_netlink", "0\n", "");
	put("nf_defrag_ipv4", "1\n", "nf_conntrack ");
	put("x_tables", "5\n", "xt_CT xt_conntrack xt_MASQUERADE ");
	put("kernel", NULL, "");
	assert_int_equal(modules_read(sys, &all), 0);
	assert_int_equal(all.state, MODULES_LOADED);
	assert_int_equal(all.n, 9);
	assert_int_equal(modules_of_root(&all, &m), 0);
	assert_int_equal(m.n, 7);
	assert_string_equal(m.v[6].name, "nf_conntrack");
	assert_true(at(&m, "iptable_nat") < at(&m, "nf_nat"));
	assert_true(at(&m, "xt_MASQUERADE") < at(&m, "nf_nat"));
	assert_int_equal(m.v[at(&m, "nf_conntrack")].excess, 0);
	assert_int_equal(m.v[at(&m, "xt_conntrack")].excess, 3);
	assert_int_equal(m.v[at(&m, "iptable_nat")].excess, 1);
	assert_int_equal(m.v[at(&m, "xt_CT")].excess, 0);
	assert_null(modules_find(&m, "x_tables"));
	assert_null(modules_find(&m, "nf_defrag_ipv4"));
}

static void absent(void **state)
{
	_cleanup_(modules_release) struct modules all = { 0 }, m = { 0 };

	(void)state;
	put("nf_defrag_ipv4", "0\n", "");
	assert_int_equal(modules_root_state(sys), MODULES_ABSENT);
	assert_int_equal(modules_read(sys, &all), 0);
	assert_int_equal(all.state, MODULES_ABSENT);
	assert_int_equal(modules_of_root(&all, &m), 0);
	assert_int_equal(m.n, 0);
	assert_int_equal(modules_root_state("/nowhere"), MODULES_ABSENT);
}

static void built_in(void **state)
{
	_cleanup_(modules_release) struct modules all = { 0 }, m = { 0 };

	(void)state;
	put("nf_conntrack", NULL, "");
	put("xt_CT", "1\n", "");
	assert_int_equal(modules_read(sys, &all), 0);
	assert_int_equal(all.state, MODULES_BUILTIN);
	assert_int_equal(modules_of_root(&all, &m), 0);
	assert_int_equal(m.n, 0);
}

/* One on its way out has a count of -1. */
static void on_its_way(void **state)
{
	_cleanup_(modules_release) struct modules all = { 0 };

	(void)state;
	put("nf_conntrack", "-1\n", "");
	assert_int_equal(modules_read(sys, &all), 0);
	assert_int_equal(all.v[0].refs, 0);
	assert_int_equal(all.v[0].excess, 0);
}

static void only_filters_go(void **state)
{
	(void)state;
	assert_true(modules_may_unload("net/netfilter"));
	assert_true(modules_may_unload("net/ipv6/netfilter"));
	assert_true(modules_may_unload("net/bridge/netfilter"));
	assert_false(modules_may_unload("net/netfilter/ipvs"));
	assert_false(modules_may_unload("net/openvswitch"));
	assert_false(modules_may_unload("net/sched"));
	assert_false(modules_may_unload(""));
}

#define ON_TREE(f) cmocka_unit_test_setup_teardown(f, make_tree, remove_tree)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_TREE(users_go_first), ON_TREE(absent), ON_TREE(built_in),
		ON_TREE(on_its_way), cmocka_unit_test(only_filters_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
