/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_options.c: command lines, right and wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "core/mem.h"

#define WORDS_MAX 16

static const struct command verb = {
	.name = "verb",
	.takes = OPT_FAMILY | OPT_CONFIRM | OPT_KERNEL | OPT_FORCE_APPLY |
		 OPT_PACKET | OPT_FORMAT | OPT_REPORT,
	.min_args = 1,
	.max_args = 2,
};

/* A command line, which getopt may sort; ends with NULL. */
struct line {
	char space[256];
	char *words[WORDS_MAX];
	int n;
	struct options o;
	char *said;		/* on stderr */
};

static void line_release(struct line *l)
{
	free(l->said);
}

/* Parse "verb ..." with stderr going to l->said. */
static int parse(const char *text, struct line *l)
{
	FILE *kept = stderr;
	char *save = NULL;
	size_t len;
	int err;

	*l = (struct line){ 0 };
	assert_true(strlen(text) < sizeof(l->space));
	memcpy(l->space, text, strlen(text) + 1);
	for (char *w = strtok_r(l->space, " ", &save); w;
	     w = strtok_r(NULL, " ", &save)) {
		assert_true(l->n < WORDS_MAX - 1);
		l->words[l->n++] = w;
	}
	stderr = open_memstream(&l->said, &len);
	err = options_parse(&verb, l->n, l->words, &l->o);
	fclose(stderr);
	stderr = kept;
	return err;
}

/* What it says is in *ret. */
static void parse_right(const char *text, struct line *ret)
{
	assert_int_equal(parse(text, ret), EXIT_DONE);
	assert_string_equal(ret->said, "");
}

static void parse_wrong(const char *text, const char *why)
{
	_cleanup_(line_release) struct line l;

	assert_int_equal(parse(text, &l), EXIT_USAGE);
	assert_non_null(strstr(l.said, "ctpolicy verb: "));
	if (!strstr(l.said, why))
		fail_msg("%s: %s", text, l.said);
}

static void test_right(void **state)
{
	_cleanup_(line_release) struct line l;

	(void)state;
	parse_right("verb p.yaml", &l);
	assert_int_equal(l.o.n_args, 1);
	assert_string_equal(l.o.args[0], "p.yaml");
	assert_string_equal(l.o.request.command, "verb");
	assert_string_equal(l.o.request.state_dir, "/var/lib/ctpolicy");
	assert_null(l.o.request.backend);
	assert_false(l.o.json || l.o.quiet || l.o.rules);
	assert_true(l.o.request.keeps_steps);
}

static void test_sorted(void **state)
{
	_cleanup_(line_release) struct line l;

	(void)state;
	parse_right("verb a --backend=nftables -qv b --state-dir /d --color never",
		    &l);
	assert_int_equal(l.o.n_args, 2);
	assert_string_equal(l.o.args[1], "b");
	assert_string_equal(l.o.request.backend, "nftables");
	assert_string_equal(l.o.request.state_dir, "/d");
	assert_int_equal(l.o.color, COLOR_NEVER);
	assert_true(l.o.quiet && l.o.verbose);
	assert_false(l.o.request.keeps_steps);
}

static void test_own(void **state)
{
	_cleanup_(line_release) struct line l;

	(void)state;
	parse_right("verb --kern --force --family=ipv6 -- --json", &l);
	assert_true(l.o.request.private_kernel && l.o.request.force);
	assert_int_equal(l.o.request.family, AF_INET6);
	assert_false(l.o.json);
	assert_string_equal(l.o.args[0], "--json");
}

static void test_letter(void **state)
{
	static const char *const lines[] = {
		"verb p -o f --svg", "verb -of --svg p", "verb -q --output=f p --svg",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		_cleanup_(line_release) struct line l;

		parse_right(lines[i], &l);
		assert_string_equal(l.o.output, "f");
		assert_true(l.o.svg);
		assert_int_equal(l.o.n_args, 1);
	}
	parse_wrong("verb p -o", "an argument is missing after: -o");
	parse_wrong("verb p --output", "an argument is missing after: --output");
	parse_wrong("verb p -qx", "unknown option '-x'");
}

static void test_packet(void **state)
{
	_cleanup_(line_release) struct line l;

	(void)state;
	parse_right("verb p --file f --in=eth0 --out eth1 --local a,b --minimal",
		    &l);
	assert_string_equal(l.o.file, "f");
	assert_string_equal(l.o.in, "eth0");
	assert_string_equal(l.o.out, "eth1");
	assert_string_equal(l.o.local, "a,b");
	assert_true(l.o.minimal);
	assert_int_equal(l.o.ct_state, 0);
}

static void test_state(void **state)
{
	static const struct {
		const char *text;
		uint8_t state;
	} states[] = {
		{ "verb p --state invalid", 1 },
		{ "verb p --state=established", 2 },
		{ "verb p --state related", 4 }, { "verb p --state new", 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		_cleanup_(line_release) struct line l;

		parse_right(states[i].text, &l);
		assert_int_equal(l.o.ct_state, states[i].state);
	}
	parse_wrong("verb p --state NEW", "new, established, related or invalid: NEW;");
	/* NOTRACK makes it so, not conntrack */
	parse_wrong("verb p --state untracked", "or invalid: untracked;");
}

static void test_help(void **state)
{
	_cleanup_(line_release) struct line l;

	(void)state;
	/* needs no arguments */
	parse_right("verb -qh", &l);
	assert_true(l.o.help);
}

static void test_confirm(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} times[] = {
		{ "verb p --confirm 1s", 1 }, { "verb p --confirm=60s", 60 },
		{ "verb p --confirm 090s", 90 }, { "verb p --confirm 5m", 300 },
		{ "verb p --confirm 24h", 86400 },
		{ "verb p --confirm 1440m", 86400 },
		{ "verb p --confirm 86400s", 86400 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		_cleanup_(line_release) struct line l;

		parse_right(times[i].text, &l);
		assert_int_equal(l.o.request.confirm, times[i].seconds);
	}
}

static void test_confirm_wrong(void **state)
{
	static const char *const wrong[] = {
		"0s", "25h", "86401s", "1441m", "2d", "1m30s", "s", "-5s",
		"+5s", "1.5h", "5S", "5ss", "99999999999999999999s", "p.yaml",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char text[64];

		snprintf(text, sizeof(text), "verb p --confirm=%s", wrong[i]);
		parse_wrong(text, "from 1s to 24h, such as 60s, 5m or 1h, not: ");
	}
	parse_wrong("verb p --confirm 5", "with its unit, s, m or h, not: 5;");
	parse_wrong("verb p --confirm", "an argument is missing");
}

static void test_wrong(void **state)
{
	(void)state;
	parse_wrong("verb", "a policy file is missing");
	parse_wrong("verb a b c", "too many arguments: c;");
	parse_wrong("verb a --family ipv5", "ipv4 or ipv6: ipv5;");
	parse_wrong("verb a --color=red", "auto, always or never: red;");
	parse_wrong("verb a --backend", "an argument is missing");
	parse_wrong("verb a -qx", "unknown option '-x'");
	/* the internal number of a long option is not a letter */
	parse_wrong("verb a -c", "unknown option '-c'");
	parse_wrong("verb a --jsno", "did you mean '--json'?");
	parse_wrong("verb a --zzzzzzzzzz", "unknown option '--zzzzzzzzzz'; see");
	parse_wrong("verb a --redo", "no such option: --redo;");
	/* another command's row of the same name does not count */
	parse_wrong("verb a --force=x", "takes no value: --force=x;");
}

/* Of --json and --format the last one counts. */
static void test_format(void **state)
{
	static const struct {
		const char *line, *format;
		bool json;
	} rows[] = {
		{ "verb a", NULL, false },
		{ "verb a --json", NULL, true },
		{ "verb a --format json", NULL, true },
		{ "verb a --format text", NULL, false },
		{ "verb a --json --format text", NULL, false },
		{ "verb a --format=sarif", "sarif", false },
		{ "verb a --json --format markdown", "markdown", false },
		{ "verb a --format junit --json", NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(line_release) struct line l;

		assert_int_equal(parse(rows[i].line, &l), EXIT_DONE);
		assert_int_equal(l.o.json, rows[i].json);
		if (rows[i].format)
			assert_string_equal(l.o.format, rows[i].format);
		else
			assert_null(l.o.format);
	}
	parse_wrong("verb a --format sari", "junit, codeclimate or markdown: sari;");
	parse_wrong("verb a --format=", "junit, codeclimate or markdown: ;");
	parse_wrong("verb a --format", "an argument is missing");
}

/* A terminal must not act on what the command line holds. */
static void test_escaped(void **state)
{
	(void)state;
	parse_wrong("verb a --x\033[31m", "'--x\\x1b[31m'");
	parse_wrong("verb a --family \302\233x", "\\xc2\\x9bx");
	parse_wrong("verb a b \033c", "\\x1bc");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_sorted),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_letter),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_confirm),
		cmocka_unit_test(test_confirm_wrong),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_escaped),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
