/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/report/html.h: pieces of a page that browsers and XML parsers take.
 *
 * Shape:  markup is written with strbuf_puts() and numbers with
 *         strbuf_printf(); every other string goes through html_text(), or is
 *         one of ctpolicy's own. Each element is closed.
 * Errors: the buffer is `lost`.
 * Source: HTML Living Standard, "Writing HTML documents"; Extensible Markup
 *         Language (XML) 1.0, 2.2 "Characters".
 */
#ifndef CTPOLICY_CLI_REPORT_HTML_H
#define CTPOLICY_CLI_REPORT_HTML_H

#include <stdint.h>

#include "core/strbuf.h"

/*
 * Anybody's text, between tags or in an attribute's double quotes. What no
 * page should hold, controls and marks that turn the direction of text, is
 * escaped as in C; lines stay lines.
 */
void html_text(struct strbuf *out, const char *s);
/* The same of a buffer; what that one has lost is lost to this one, too. */
void html_buffer(struct strbuf *out, const struct strbuf *b);
/* Of a buffer that was printed otherwise: the latter alone. */
void html_lose_with(struct strbuf *out, const struct strbuf *b);
/* "231,834" */
void html_count(struct strbuf *out, uint64_t n);
/* "3 rules"; `word` is of one. */
void html_counted(struct strbuf *out, uint64_t n, const char *word);
/* "<TAG>text</TAG>" */
void html_element(struct strbuf *out, const char *tag, const char *text);
/* A section with its heading, and its end. */
void html_section(struct strbuf *out, const char *id, const char *heading);
void html_section_end(struct strbuf *out);

/* A column: its heading, and what its cells are; NULL: words. */
struct html_column {
	const char *heading, *kind;
};

#define HTML_NUMBER "n"
#define HTML_CODE "m"

/* The first cell of each row names it. */
struct html_table {
	struct strbuf *out;
	const struct html_column *columns;
	size_t n, at;		/* cells of the row; 0: none is open */
};

/* What the table is about, for those who do not see it. */
void html_table_begin(struct html_table *t, const char *caption);
/* Begin the next cell, of the next row after the last. */
void html_cell(struct html_table *t);
void html_table_end(struct html_table *t);

#endif
