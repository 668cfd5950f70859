/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_ct_table.c: /proc's files of conntrack, of a made tree. */
#include <errno.h>
#include <fcntl.h>
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

#include "core/mem.h"
#include "host/conntrack/table.h"

#define HEADING_6 "entries  clashres found new invalid ignore delete " \
	"chainlength insert insert_failed drop early_drop icmp_error  " \
	"expect_new expect_create expect_delete search_restart\n"
#define HEADING_2 "entries  searched found new invalid ignore delete " \
	"delete_list insert insert_failed drop early_drop icmp_error  " \
	"expect_new expect_create expect_delete\n"

static char root[128];

static void put(const char *path, const char *text)
{
	char whole[512];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", root, path);
	for (char *s = whole + strlen(root) + 1; (s = strchr(s, '/')); s++) {
		*s = '\0';
		assert_true(!mkdir(whole, 0700) || errno == EEXIST);
		*s = '/';
	}
	f = fopen(whole, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int make_tree(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(root, sizeof(root), "%s/table.XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_tree(void **state)
{
	char command[sizeof(root) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command); /* NOLINT(cert-env33-c) */
}

static int read_tree(struct ct_table *ret)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), err;

	assert_true(fd >= 0);
	err = ct_table_read(fd, ret);
	close(fd);
	return err;
}

static void nothing_is_there(void **state)
{
	struct ct_table t;

	(void)state;
	assert_int_equal(read_tree(&t), -ENOENT);
}

static void processors_are_added_up(void **state)
{
	struct ct_table t;

	(void)state;
	put("sys/net/netfilter/nf_conntrack_count", "231\n");
	put("sys/net/netfilter/nf_conntrack_max", "262144\n");
	put("sys/net/netfilter/nf_conntrack_buckets", "65536\n");
	put("self/net/stat/nf_conntrack", HEADING_6
	    "000000e7  00000001 00000002 00000000 00000003 00000000 00000000 "
	    "00004e25 00000004 00000005 00000006 00000007 00000008  "
	    "00000000 00000000 00000000 00000009\n"
	    "000000e7  00000001 00000010 00000000 00000000 00000000 00000000 "
	    "00000001 00000000 00000000 fffffffa 00000000 00000000  "
	    "00000000 00000000 00000000 00000000\n");
	assert_int_equal(read_tree(&t), 0);
	assert_int_equal(t.count, 231);
	assert_int_equal(t.max, 262144);
	assert_int_equal(t.buckets, 65536);
	assert_int_equal(t.counter[CT_CLASH_RESOLVE], 2);
	assert_int_equal(t.counter[CT_FOUND], 18);
	assert_int_equal(t.counter[CT_INVALID], 3);
	assert_int_equal(t.counter[CT_CHAIN_TOO_LONG], 20006);
	assert_int_equal(t.counter[CT_INSERT], 4);
	assert_int_equal(t.counter[CT_INSERT_FAILED], 5);
	assert_true(t.counter[CT_DROP] == 0x100000000);
	assert_int_equal(t.counter[CT_EARLY_DROP], 7);
	assert_int_equal(t.counter[CT_ERROR], 8);
	assert_int_equal(t.counter[CT_SEARCH_RESTART], 9);
	assert_int_equal(t.known, (1u << CT_COUNTER_MAX_) - 1);
}

static void old_names_are_known(void **state)
{
	struct ct_table t;

	(void)state;
	put("sys/net/ipv4/netfilter/ip_conntrack_count", "7\n");
	put("sys/net/ipv4/netfilter/ip_conntrack_max", "65536\n");
	put("self/net/stat/ip_conntrack", HEADING_2
	    "00000007  00000021 00000002 00000000 00000003 00000000 00000000 "
	    "00000009 00000004 00000005 00000006 00000007 00000008  "
	    "00000000 00000000 00000000\n");
	assert_int_equal(read_tree(&t), 0);
	assert_int_equal(t.count, 7);
	assert_int_equal(t.buckets, 0);
	assert_int_equal(t.counter[CT_DROP], 6);
	assert_int_equal(t.counter[CT_CHAIN_TOO_LONG], 0);
	assert_false(t.known & 1u << CT_CHAIN_TOO_LONG);
	assert_false(t.known & 1u << CT_CLASH_RESOLVE);
	assert_false(t.known & 1u << CT_SEARCH_RESTART);
	assert_true(t.known & 1u << CT_EARLY_DROP);
}

static void no_counters_are_no_failure(void **state)
{
	struct ct_table t;

	(void)state;
	put("sys/net/netfilter/nf_conntrack_count", "1\n");
	put("sys/net/netfilter/nf_conntrack_max", "0\n");
	assert_int_equal(read_tree(&t), 0);
	assert_int_equal(t.count, 1);
	assert_int_equal(t.max, 0);
	assert_int_equal(t.known, 0);
}

static void words_are_no_numbers(void **state)
{
	struct ct_table t;

	(void)state;
	put("sys/net/netfilter/nf_conntrack_count", "many\n");
	put("sys/net/netfilter/nf_conntrack_max", "1\n");
	assert_int_equal(read_tree(&t), -EINVAL);
}

static void each_counter_has_a_name(void **state)
{
	(void)state;
	for (unsigned int c = 0; c < CT_COUNTER_MAX_; c++)
		assert_true(*ct_counter_name((enum ct_counter)c));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_tree, remove_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_there),
		TEST(processors_are_added_up),
		TEST(old_names_are_known),
		TEST(no_counters_are_no_failure),
		TEST(words_are_no_numbers),
		TEST(each_counter_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
