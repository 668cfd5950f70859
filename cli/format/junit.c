/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/format/junit.c: what was looked at as JUnit's XML has it, which GitLab,
 * Jenkins and others read: a test case for each.
 *
 * Source: Extensible Markup Language 1.0, 2.2 "Characters"; the elements and
 * attributes that Ant's junitreport task reads.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/format/ci_text.h"
#include "cli/output/xml_character.h"
#include "core/mem.h"

/* `lines`: line feeds stay; else they are escaped as in C, like the rest. */
static void put_xml(const char *s, bool lines)
{
	char buf[DIAG_ESCAPED_MAX];
	size_t n = strlen(s), len;

	for (; n; s += len, n -= len) {
		len = xml_character(s, n);
		if (len) {
			if (xml_entity(*s))
				fputs(xml_entity(*s), stdout);
			else
				fwrite(s, 1, len, stdout);
			continue;
		}
		len = 1;
		fputs(*s == '\n' && lines ? "\n" : diag_escaped(*s, buf),
		      stdout);
	}
}

static void put_attribute(const char *name, const char *value)
{
	printf(" %s=\"", name);
	put_xml(value, false);
	putchar('"');
}

/* In seconds, as junitreport adds them up. */
static void put_time(uint64_t ns)
{
	if (ns)
		printf(" time=\"%.6f\"", (double)ns / 1e9);
}

static void put_counts(const size_t *of_end)
{
	size_t n = 0;

	for (size_t i = 0; i < CASE_END_MAX_; i++)
		n += of_end[i];
	printf(" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
	       n, of_end[CASE_FAILED], of_end[CASE_ERROR],
	       of_end[CASE_SKIPPED]);
}

static void put_end(const struct tried_case *x)
{
	static const char *const names[CASE_END_MAX_] = {
		[CASE_FAILED] = "failure", [CASE_SKIPPED] = "skipped",
		[CASE_ERROR] = "error",
	};

	printf("   <%s", names[x->end]);
	put_attribute("message", x->why);
	if (!x->details) {
		puts("/>");
		return;
	}
	putchar('>');
	put_xml(x->details, true);
	printf("</%s>\n", names[x->end]);
}

static int put_case(const struct findings *f, const struct tried_case *x)
{
	_cleanup_(strbuf_release) struct strbuf path = { 0 };

	fputs("  <testcase", stdout);
	printf(" classname=\"ctpolicy.%s\"", f->command);
	put_attribute("name", x->name);
	if (x->at.file) {
		ci_path(x->at.file, &path);
		put_attribute("file", strbuf_str(&path));
		if (x->at.line)
			printf(" line=\"%u\"", x->at.line);
	}
	put_time(x->ns);
	if (x->end == CASE_PASSED) {
		puts("/>");
	} else {
		puts(">");
		put_end(x);
		puts("  </testcase>");
	}
	return strbuf_status(&path);
}

/* The cases from `first` on that are of its suite. */
static size_t suite_size(const struct findings *f, size_t first,
			 size_t ret_of_end[CASE_END_MAX_], uint64_t *ret_ns)
{
	const struct tried_case *v = &f->cases[first];
	size_t n = 0;

	for (; first + n < f->n_cases && !strcmp(v[n].suite, v->suite); n++) {
		ret_of_end[v[n].end]++;
		*ret_ns += v[n].ns;
	}
	return n;
}

static int print(const struct findings *f)
{
	uint64_t all_ns = 0;
	int err = 0;
	size_t n;

	puts("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
	printf("<testsuites name=\"ctpolicy %s\"", f->command);
	put_counts(f->of_end);
	for (size_t i = 0; i < f->n_cases; i++)
		all_ns += f->cases[i].ns;
	put_time(all_ns);
	puts(">");
	for (size_t i = 0; i < f->n_cases; i += n) {
		size_t of_end[CASE_END_MAX_] = { 0 };
		uint64_t ns = 0;

		n = suite_size(f, i, of_end, &ns);
		fputs(" <testsuite", stdout);
		put_attribute("name", f->cases[i].suite);
		put_counts(of_end);
		put_time(ns);
		puts(">");
		for (size_t k = i; k < i + n; k++)
			err |= put_case(f, &f->cases[k]);
		puts(" </testsuite>");
	}
	puts("</testsuites>");
	return err ? -ENOMEM : 0;
}

const struct ci_format ci_junit = {
	.name = "junit",
	.print = print,
};
