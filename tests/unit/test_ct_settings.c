/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_ct_settings.c: settings of the table, of a made tree. */
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

#include "core/mem.h"
#include "host/conntrack/settings.h"
#include "host/setting_lines.h"

#define UDP CT_PREFIX "nf_conntrack_udp_timeout"

static char root[128], sysctls[160], parameters[160];
static const struct ct_settings tree = { sysctls, parameters };

static void put(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void allow(const char *name, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", sysctls, name);
	assert_int_equal(chmod(path, mode), 0);
}

static void drop(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", sysctls, name);
	assert_int_equal(unlink(path), 0);
}

static int make_tree(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(root, sizeof(root), "%s/settings.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(root))
		return -1;
	snprintf(sysctls, sizeof(sysctls), "%s/sysctls", root);
	snprintf(parameters, sizeof(parameters), "%s/parameters", root);
	if (mkdir(sysctls, 0700) || mkdir(parameters, 0700))
		return -1;
	put(sysctls, "nf_conntrack_max", "65536\n");
	put(sysctls, "nf_conntrack_buckets", "16384\n");
	put(sysctls, "nf_conntrack_udp_timeout", "30\n");
	put(parameters, "hashsize", "16384\n");
	return 0;
}

static int remove_tree(void **state)
{
	char command[sizeof(root) + 16];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void expect(const char *key, const char *value)
{
	_cleanup_free_ char *now = NULL;

	assert_int_equal(ct_setting_read(&tree, key, &now), 0);
	assert_string_equal(now, value);
}

static void read_and_written(void **state)
{
	_cleanup_free_ char *now = NULL;

	(void)state;
	assert_true(ct_settings_exist(&tree));
	expect(UDP, "30");
	assert_int_equal(ct_setting_check(&tree, UDP), 0);
	expect(UDP, "30");
	assert_int_equal(ct_setting_write(&tree, UDP, "20\n"), 0);
	expect(UDP, "20");
	assert_int_equal(ct_setting_check(&tree, CT_PREFIX "nf_conntrack_x"),
			 -ENOENT);
	assert_int_equal(ct_setting_read(&tree, CT_PREFIX "nf_conntrack_x",
					 &now), -ENOENT);
	assert_int_equal(ct_setting_write(&tree, "net.ipv4.x", "1"), -EINVAL);
	assert_int_equal(ct_setting_write(&tree, CT_PREFIX "../x", "1"),
			 -EINVAL);
}

/* As kernels before 4.9 have it, or none at all. */
static void buckets_by_parameter(void **state)
{
	(void)state;
	drop("nf_conntrack_buckets");
	put(parameters, "hashsize", "512\n");
	expect(CT_BUCKETS, "512");
	assert_int_equal(ct_setting_check(&tree, CT_BUCKETS), 0);
	assert_int_equal(ct_setting_write(&tree, CT_BUCKETS, "1024"), 0);
	expect(CT_BUCKETS, "1024");
}

static void of_the_first_namespace(void **state)
{
	(void)state;
	allow("nf_conntrack_max", 0444);
	assert_int_equal(ct_setting_check(&tree, CT_MAX), -EXDEV);
	/* The parameter is there, and would be refused. */
	assert_int_equal(ct_setting_check(&tree, CT_BUCKETS), -EXDEV);
	assert_int_equal(ct_setting_write(&tree, CT_BUCKETS, "1"), -EXDEV);
	assert_int_equal(ct_setting_check(&tree, UDP), 0);
	expect(CT_MAX, "65536");
}

static void nothing_is_loaded(void **state)
{
	(void)state;
	drop("nf_conntrack_max");
	assert_false(ct_settings_exist(&tree));
}

static void lines_that_set(void **state)
{
	static const struct {
		const char *line, *key;
		bool sets;
	} cases[] = {
		{ CT_MAX "=1", CT_MAX, true },
		{ "-" CT_MAX " = 1", CT_MAX, true },
		{ "net/netfilter/nf_conntrack_max=1", CT_MAX, true },
		{ "net.nf_conntrack_max = 1", CT_MAX, true },
		{ "echo 1 >/proc/sys/net/netfilter/nf_conntrack_max", CT_MAX,
		  true },
		{ "# " CT_MAX "=1", CT_MAX, false },
		{ ";" CT_MAX "=1", CT_MAX, false },
		{ CT_EXPECT_MAX "=1", CT_MAX, false },
		{ UDP "_stream=1", UDP, false },
		{ "nf_conntrack_max", CT_MAX, false },
		{ "options nf_conntrack hashsize=4096", CT_MAX, true },
		{ "options nf_conntrack acct=1 hashsize=4096", CT_BUCKETS,
		  true },
		{ "options nf_conntrack acct=1", CT_BUCKETS, false },
		{ "options nf_conntrack hashsize=4096", UDP, false },
		{ "options loop hashsize=4096", CT_MAX, false },
		{ "maxPerCore: 32768", CT_MAX, true },
		{ "maxPerCore: null", CT_BUCKETS, true },
		{ "maxPerCore: 0", CT_MAX, false },
		{ "- --conntrack-max-per-core=0", CT_MAX, false },
		{ "- --conntrack-max-per-core=1000", CT_MAX, true },
		{ "- --conntrack-udp-timeout-stream=5s", UDP, false },
		{ "udpTimeout: 5s", UDP, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (setting_line_names(cases[i].line, cases[i].key) !=
		    cases[i].sets)
			fail_msg("%s, %s", cases[i].line, cases[i].key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define ROW(f) cmocka_unit_test_setup_teardown(f, make_tree, remove_tree)
		ROW(read_and_written),
		ROW(buckets_by_parameter),
		ROW(of_the_first_namespace),
		ROW(nothing_is_loaded),
		cmocka_unit_test(lines_that_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
