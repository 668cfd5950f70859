/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_boot.c: lines that load modules again: found and edited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/strbuf.h"
#include "engine/boot.h"
#include "engine/boot_place.h"
#include "host/boot_lines.h"

#define CASES 3000

static struct lines_part part(const char *s)
{
	return (struct lines_part){ s, strlen(s) };
}

struct patch {
	const char *text;
	size_t at;
	uint32_t line;
	struct strbuf out;
};

static int apply_hunk(void *arg, uint32_t line, struct lines_part was,
		      struct lines_part is)
{
	struct patch *p = arg;
	size_t n = strlen(p->text);

	assert_true(was.n > 0 && line >= p->line);
	while (p->line < line) {
		struct lines_part one = lines_next(p->text, n, &p->at);

		strbuf_add(&p->out, one.s, one.n);
		p->line++;
	}
	assert_memory_equal(p->text + p->at, was.s, was.n);
	p->at += was.n;
	p->line += lines_count(was.s, was.n);
	strbuf_add(&p->out, is.s, is.n);
	return 0;
}

static void patched(const char *was, const char *is)
{
	struct patch p = { was, 0, 1, { 0 } };

	assert_int_equal(lines_diff(part(was), part(is), apply_hunk, &p), 0);
	strbuf_puts(&p.out, was + p.at);
	assert_string_equal(strbuf_str(&p.out), is);
	strbuf_release(&p.out);
}

static void fill_random(char *to, size_t max_lines)
{
	size_t n = (size_t)rand() % max_lines + 1;

	*to = '\0';
	for (size_t i = 0; i < n; i++)
		sprintf(to + strlen(to), "%c\n", "abcd"[rand() % 4]);
	if (rand() % 3 == 0)
		to[strlen(to) - 1] = '\0';
}

static void differences_lead_over(void **state)
{
	char a[64], b[64];

	(void)state;
	srand(20);
	patched("a\nb\n", "b\n");
	patched("a\n", "");
	patched("a", "x\na\ny\n");
	for (int i = 0; i < CASES; i++) {
		fill_random(a, 9);
		fill_random(b, 9);
		patched(a, b);
	}
}

static int needs(void *arg, const char *name, bool *ret)
{
	(void)arg;
	*ret = !strncmp(name, "ct", 2);
	return 0;
}

static void line_becomes(enum boot_grammar g, const char *was, const char *is)
{
	struct boot_lines l = { 0 };

	assert_int_equal(boot_lines_read(g, was, strlen(was), needs, NULL,
					 &l), 0);
	if (!is) {
		assert_int_equal(l.n, 0);
	} else {
		assert_int_equal(l.n, 1);
		assert_int_equal(l.v[0].line, 1);
		assert_string_equal(l.v[0].was, was);
		assert_string_equal(l.v[0].is, is);
	}
	boot_lines_release(&l);
}

static void lines_that_load(void **state)
{
	static const struct {
		enum boot_grammar g;
		const char *was, *is;
	} rows[] = {
		{ BOOT_NAMES, "ct_a\n", BOOT_MARK "ct_a\n" },
		{ BOOT_NAMES, "\tct_a options=1\r\n",
		  BOOT_MARK "\tct_a options=1\r\n" },
		{ BOOT_NAMES, "ct_a", BOOT_MARK "ct_a" },
		{ BOOT_NAMES, "#ct_a\n", NULL },
		{ BOOT_NAMES, "; ct_a\n", NULL },
		{ BOOT_NAMES, "x ct_a\n", NULL },
		{ BOOT_NAMES, "\n", NULL },
		{ BOOT_NAMES, "", NULL },
		{ BOOT_ASSIGNED, "IPTABLES_MODULES=\"ct_a x ct_b\" # c\n",
		  "IPTABLES_MODULES=\"x\" # c\n" },
		{ BOOT_ASSIGNED, "IPTABLES_MODULES='x ct_a y'\n",
		  "IPTABLES_MODULES='x y'\n" },
		{ BOOT_ASSIGNED, "  IP6TABLES_MODULES=ct_a\n",
		  "  IP6TABLES_MODULES=\n" },
		{ BOOT_ASSIGNED, "IPTABLES_MODULES=x ct_a\n", NULL },
		{ BOOT_ASSIGNED, "IPTABLES_MODULES=\"x\" # ct_a\n", NULL },
		{ BOOT_ASSIGNED, "#IPTABLES_MODULES=\"ct_a\"\n", NULL },
		{ BOOT_ASSIGNED, "OTHER=\"ct_a\"\n", NULL },
		{ BOOT_ASSIGNED, "export IPTABLES_MODULES=\"ct_a x\"\n",
		  "export IPTABLES_MODULES=\"x\"\n" },
		{ BOOT_ASSIGNED, "IPTABLES_MODULES+=\" ct_a x\"\n",
		  "IPTABLES_MODULES+=\" x\"\n" },
		{ BOOT_ASSIGNED, "IPTABLES_MODULES=\"x\n  ct_a\n  y\"\n",
		  "IPTABLES_MODULES=\"x\n  y\"\n" },
		{ BOOT_ASSIGNED, "IPTABLES_MODULES='ct_a\n'\n",
		  "IPTABLES_MODULES='\n'\n" },
		{ BOOT_ASSIGNED, "exported IPTABLES_MODULES=ct_a\n", NULL },
		{ BOOT_COMMAND_LINE, "quiet modules_load=x,ct_a ro\n", "" },
		{ BOOT_COMMAND_LINE, "rd.modules-load=ct_a", "" },
		{ BOOT_COMMAND_LINE, "load=ct_a ct_a nf.x=ct_a\n", NULL },
		{ BOOT_ASSIGNED, "IPTABLES_MODULES=\"ct_a",
		  "IPTABLES_MODULES=\"" },
		{ BOOT_MODPROBE, "softdep x pre: ct_a\n",
		  BOOT_MARK "softdep x pre: ct_a\n" },
		{ BOOT_MODPROBE, "softdep x pre: ct_a y post: ct_b\n",
		  "softdep x pre: y post:\n" },
		{ BOOT_MODPROBE, "softdep ct_x pre: ct_a\n", NULL },
		{ BOOT_MODPROBE, "install x modprobe -i x; modprobe ct_a\n",
		  BOOT_MARK "install x modprobe -i x; modprobe ct_a\n" },
		{ BOOT_MODPROBE, "install x echo ct_a\n", NULL },
		{ BOOT_MODPROBE, "install ct_a modprobe ct_b\n", NULL },
		{ BOOT_MODPROBE, "options ct_a b=1\n", NULL },
		{ BOOT_MODPROBE, "# softdep x pre: ct_a\n", NULL },
		{ BOOT_MODPROBE, "alias net-pf-* ct_a\n",
		  BOOT_MARK "alias net-pf-* ct_a\n" },
		{ BOOT_MODPROBE, "alias x \\\n\tct_a",
		  BOOT_MARK "alias x \\\n" BOOT_MARK "\tct_a" },
		{ BOOT_MODPROBE, "alias ct_x ct_a\n", NULL },
		{ BOOT_MODPROBE, "alias ct_a off\nalias x y\n", NULL },
		{ BOOT_MODPROBE, "alias\nalias x\n", NULL },
		{ BOOT_MODPROBE, "softdep", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		line_becomes(rows[i].g, rows[i].was, rows[i].is);
}

static int no_memory(void *arg, const char *name, bool *ret)
{
	(void)arg, (void)name, (void)ret;
	return -ENOMEM;
}

static void errors_come_through(void **state)
{
	struct boot_lines l = { 0 };

	(void)state;
	assert_int_equal(boot_lines_read(BOOT_MODPROBE, "install x modprobe y\n",
					 21, no_memory, NULL, &l), -ENOMEM);
	assert_int_equal(boot_lines_read(BOOT_NAMES, "a\n", 2, no_memory,
					 NULL, &l), -ENOMEM);
}

static void texts_come_back(void **state)
{
	const struct boot_edit edits[] = {
		{ intern("/etc/a b%"), 7, intern("x\ty\n"),
		  intern("# x\ty\n\xc3\xa4\n") },
		{ intern("/etc/a b%"), 3, intern("z"), intern("-") },
	};
	static const char *const bad[] = {
		"edit", "edit /a 1 b", "edit /a 0 b c\n", "edit a 1 b c\n",
		"edit /a 1 b c d\n", "edit /a 1 %0 c\n", "edit /a 1 %00 c\n",
		"other /a 1 b c\n", "edit /a 4294967296 b c\n", "\n",
	};
	struct boot_edits e = { 0 }, again = { 0 };
	struct strbuf b = { 0 };

	(void)state;
	assert_int_equal(boot_add(&e, &edits[0]), 0);
	assert_int_equal(boot_add(&e, &edits[1]), 0);
	assert_int_equal(boot_add(&e, &edits[1]), 0);
	assert_int_equal(e.n, 2);
	assert_int_equal(e.v[0].line, 3);
	boot_print(&e, &b);
	assert_int_equal(boot_parse(strbuf_str(&b), b.n, &again), 0);
	assert_true(boot_same(&e, &again));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(boot_parse(bad[i], strlen(bad[i]), &again),
				 -EINVAL);
	boot_edits_release(&e);
	boot_edits_release(&again);
	strbuf_release(&b);
}

/* Of lines that are alike each is found, and one that is gone is not. */
static void places_in_order(void **state)
{
	const struct boot_edit v[] = {
		{ "/x", 2, "a\n", "# a\n# more\n" },
		{ "/x", 3, "a\n", "# a\n# more\n" },
		{ "/x", 5, "b\n", "c\n" },
	};
	struct boot_place p[3];

	(void)state;
	boot_find_places(part("x\n# a\n# more\n# a\n# more\ny\nc\n"), v, 3, p);
	assert_int_equal(p[0].at, 2);
	assert_int_equal(p[1].at, 13);
	assert_int_equal(p[2].holds, BOOT_HOLDS_IS);
	boot_find_places(part("x\na\n# a\n# more\ny\nb\n"), v, 3, p);
	assert_int_equal(p[0].holds, BOOT_HOLDS_WAS);
	assert_int_equal(p[1].holds, BOOT_HOLDS_IS);
	assert_int_equal(p[2].holds, BOOT_HOLDS_WAS);
	boot_find_places(part("new\nx\n# a\n# more\n"), v, 3, p);
	assert_int_equal(p[0].holds, BOOT_HOLDS_IS);
	assert_int_equal(p[1].holds, BOOT_HOLDS_NEITHER);
	assert_int_equal(p[2].holds, BOOT_HOLDS_NEITHER);
	boot_find_places(part(""), v, 3, p);
	assert_int_equal(p[0].holds, BOOT_HOLDS_NEITHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_lead_over),
		cmocka_unit_test(lines_that_load),
		cmocka_unit_test(errors_come_through),
		cmocka_unit_test(texts_come_back),
		cmocka_unit_test(places_in_order),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	intern_forget();
	return failed;
}
