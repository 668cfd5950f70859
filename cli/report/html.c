/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/report/html.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/output/xml_character.h"

#define DIGITS_MAX 24		/* of 64 bits, in decimal */

/* One character, or a byte that is none; its length. */
static size_t put(struct strbuf *out, const char *s, size_t n)
{
	size_t len = xml_character(s, n);
	const char *escape = xml_entity(*s);
	char buf[DIAG_ESCAPED_MAX];

	if (escape) {
		strbuf_puts(out, escape);
	} else if (len) {
		strbuf_add(out, s, len);
		return len;
	} else {
		strbuf_puts(out, *s == '\n' ? "\n" : diag_escaped(*s, buf));
	}
	return 1;
}

void html_text(struct strbuf *out, const char *s)
{
	size_t len;

	for (size_t n = strlen(s); n; s += len, n -= len)
		len = put(out, s, n);
}

void html_lose_with(struct strbuf *out, const struct strbuf *b)
{
	out->lost |= b->lost;
}

void html_buffer(struct strbuf *out, const struct strbuf *b)
{
	html_text(out, strbuf_str(b));
	html_lose_with(out, b);
}

void html_count(struct strbuf *out, uint64_t n)
{
	char digits[DIGITS_MAX];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n);

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			strbuf_puts(out, ",");
		strbuf_add(out, digits + i, 1);
	}
}

void html_counted(struct strbuf *out, uint64_t n, const char *word)
{
	html_count(out, n);
	strbuf_puts(out, " ");
	strbuf_puts(out, word);
	strbuf_puts(out, n == 1 ? "" : "s");
}

void html_element(struct strbuf *out, const char *tag, const char *text)
{
	strbuf_printf(out, "<%s>", tag);
	html_text(out, text);
	strbuf_printf(out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

void html_section(struct strbuf *out, const char *id, const char *heading)
{
	strbuf_printf(out, "\n<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n",
		      id, id, heading);
}

void html_section_end(struct strbuf *out)
{
	strbuf_puts(out, "</section>\n");
}

static void put_kind(struct strbuf *out, const char *kind)
{
	if (kind)
		strbuf_printf(out, " class=\"%s\"", kind);
}

void html_table_begin(struct html_table *t, const char *caption)
{
	strbuf_printf(t->out, "<table>\n<caption>%s</caption>\n<thead><tr>",
		      caption);
	for (size_t i = 0; i < t->n; i++) {
		strbuf_puts(t->out, "<th scope=\"col\"");
		put_kind(t->out, t->columns[i].kind);
		strbuf_printf(t->out, ">%s</th>", t->columns[i].heading);
	}
	strbuf_puts(t->out, "</tr></thead>\n<tbody>\n");
	t->at = 0;
}

static void close_cell(struct html_table *t)
{
	if (t->at)
		strbuf_puts(t->out, t->at == 1 ? "</th>" : "</td>");
	if (t->at == t->n) {
		strbuf_puts(t->out, "</tr>\n");
		t->at = 0;
	}
}

/* Narrow screens show the heading beside each cell, by its label. */
void html_cell(struct html_table *t)
{
	const struct html_column *c;

	close_cell(t);
	c = &t->columns[t->at++];
	if (t->at == 1)
		strbuf_puts(t->out, "<tr><th scope=\"row\"");
	else
		strbuf_printf(t->out, "<td data-label=\"%s\"", c->heading);
	put_kind(t->out, c->kind);
	strbuf_puts(t->out, ">");
}

void html_table_end(struct html_table *t)
{
	close_cell(t);
	strbuf_puts(t->out, "</tbody>\n</table>\n");
}
