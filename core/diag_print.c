/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/diag_print.c: the caret printer. Whatever a file or a name holds, the
 * terminal sees printable text only, in lines of bounded length.
 */
#include <stdio.h>
#include <string.h>

#include "core/diag.h"
#include "core/mem.h"
#include "core/strbuf.h"

#define TAB_WIDTH 8
/* Cells of source shown, and how many stay to the left of a far caret. */
#define SHOWN_CELLS 100
#define LEFT_CELLS 40

struct palette {
	const char *bold, *level[DIAG_LEVEL_MAX_], *caret, *dim, *reset;
};

static const struct palette plain = {
	"", { "", "", "" }, "", "", "",
};

static const struct palette colors = {
	.bold = "\033[1m",
	.level = {
		[DIAG_NOTE] = "\033[1;36m",
		[DIAG_WARNING] = "\033[1;35m",
		[DIAG_ERROR] = "\033[1;31m",
	},
	.caret = "\033[1;32m",
	.dim = "\033[2m",
	.reset = "\033[0m",
};

size_t diag_printable(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len;

	if (u[0] < 0x80)
		return u[0] >= 0x20 && u[0] != 0x7f;
	len = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : 2;
	if (u[0] < 0xc2 || u[0] > 0xf4 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	/* written longer than need be, halves of UTF-16, past the last one */
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	/* C1 controls, and the marks that turn the direction of text */
	if (u[0] == 0xc2 && u[1] < 0xa0)
		return 0;
	if (u[0] == 0xe2 && u[1] == 0x80 && u[2] >= 0xa8 && u[2] <= 0xae)
		return 0;
	if ((u[0] == 0xe2 && u[1] == 0x80 && (u[2] & 0xfe) == 0x8e) ||
	    (u[0] == 0xd8 && u[1] == 0x9c))
		return 0;
	if (u[0] == 0xe2 && u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9)
		return 0;
	return len;
}

const char *diag_escaped(char c, char buf[static DIAG_ESCAPED_MAX])
{
	if (c == '\n' || c == '\t')
		return c == '\n' ? "\\n" : "\\t";
	snprintf(buf, DIAG_ESCAPED_MAX, "\\x%02x", (unsigned char)c);
	return buf;
}

void diag_puts(const char *s, FILE *out)
{
	char buf[DIAG_ESCAPED_MAX];
	size_t n = strlen(s), len;

	for (; n; s += len, n -= len) {
		len = diag_printable(s, n);
		if (len) {
			fwrite(s, 1, len, out);
			continue;
		}
		len = 1;
		fputs(diag_escaped(*s, buf), out);
	}
}

static const struct diag_source *find_source(const struct diag_source *src,
					     size_t nsrc, const char *file)
{
	for (size_t i = 0; file && i < nsrc; i++)
		if (src[i].file && !strcmp(src[i].file, file))
			return &src[i];
	return NULL;
}

/* Line number `line` without its end; NULL: there is no such line. */
static const char *find_line(const struct diag_source *src, uint32_t line,
			     size_t *ret_len)
{
	const char *p = src->text, *end = src->text + src->len, *nl;

	if (src->len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	for (; line > 1; line--) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			return NULL;
		p = nl + 1;
	}
	if (p == end)
		return NULL;
	nl = memchr(p, '\n', (size_t)(end - p));
	*ret_len = (size_t)((nl ? nl : end) - p);
	if (*ret_len && p[*ret_len - 1] == '\r')
		--*ret_len;
	return p;
}

const char *diag_source_line(const struct diag_source *src, size_t nsrc,
			     const struct srcpos *at, size_t *ret_len)
{
	const struct diag_source *f = find_source(src, nsrc, at->file);

	*ret_len = 0;
	return f && at->line ? find_line(f, at->line, ret_len) : NULL;
}

/*
 * A line as cells of a terminal; a character is a cell, a tab several. `first`
 * and `last` are the cells to be underlined.
 */
struct cells {
	size_t n, first, last;
};

static size_t char_len(const char *s, size_t n)
{
	size_t len = diag_printable(s, n);

	return len ? len : 1;
}

static size_t cell_width(const char *s, size_t cell)
{
	return *s == '\t' ? TAB_WIDTH - cell % TAB_WIDTH : 1;
}

static struct cells measure(const char *line, size_t len, struct srcpos at)
{
	uint32_t col = 1, end = at.col + (at.len ? at.len : 1);
	struct cells c = { 0 };
	bool found = false;

	for (size_t i = 0; i < len; col++) {
		size_t width = cell_width(line + i, c.n);

		/* What follows will not be shown. */
		if (found && c.n > c.first + SHOWN_CELLS + 1)
			break;
		if (col == at.col) {
			c.first = c.last = c.n;
			found = true;
		}
		if (col >= at.col && col < end)
			c.last = c.n + width - 1;
		c.n += width;
		i += char_len(line + i, len - i);
	}
	if (!found)		/* past the end of the line */
		c.first = c.last = c.n;
	return c;
}

/* Print cells from..to-1 of a line. */
static void put_cells(const char *line, size_t len, size_t from, size_t to,
		      FILE *out)
{
	size_t cell = 0, n, width;

	for (size_t i = 0; i < len && cell < to; i += n, cell += width) {
		n = diag_printable(line + i, len - i);
		width = cell_width(line + i, cell);
		if (line[i] == '\t') {
			for (size_t k = cell; k < cell + width; k++)
				if (k >= from && k < to)
					fputc(' ', out);
			n = 1;
			continue;
		}
		if (cell >= from)
			fwrite(n ? line + i : "?", 1, n ? n : 1, out);
		n = n ? n : 1;
	}
}

static void put_snippet(const struct diag_source *src, struct srcpos at,
			const struct palette *pal, FILE *out)
{
	size_t len, from = 0, to, last;
	const char *line, *pre = "", *post = "";
	struct cells c;

	if (!src || !at.line || !at.col)
		return;
	line = find_line(src, at.line, &len);
	if (!line)
		return;
	c = measure(line, len, at);
	if (c.n > SHOWN_CELLS && c.first > SHOWN_CELLS - LEFT_CELLS / 2) {
		from = c.first - LEFT_CELLS;
		pre = "...";
	}
	to = c.n;
	if (to - from > SHOWN_CELLS) {
		to = from + SHOWN_CELLS;
		post = "...";
	}
	last = c.last < to || !to ? c.last : to - 1;
	fprintf(out, "%s%5u |%s %s", pal->dim, at.line, pal->reset, pre);
	put_cells(line, len, from, to, out);
	fprintf(out, "%s\n%s      |%s %*s%s^", post, pal->dim, pal->reset,
		(int)(strlen(pre) + c.first - from), "", pal->caret);
	for (size_t k = c.first; k < last; k++)
		fputc('~', out);
	fprintf(out, "%s\n", pal->reset);
}

static void put_place(struct srcpos at, const struct palette *pal, FILE *out)
{
	if (!at.file)
		return;
	fputs(pal->bold, out);
	diag_puts(at.file, out);
	if (at.line)
		fprintf(out, ":%u", at.line);
	if (at.line && at.col)
		fprintf(out, ":%u", at.col);
	fprintf(out, ":%s ", pal->reset);
}

static void put_diag(const struct diag *g, const struct diag_source *src,
		     size_t nsrc, const struct palette *pal, FILE *out)
{
	put_place(g->at, pal, out);
	fprintf(out, "%s%s:%s ", pal->level[g->level],
		diag_level_name(g->level), pal->reset);
	diag_puts(g->msg ? g->msg : "(out of memory)", out);
	fprintf(out, " [%s]\n", diag_id_name(g->id));
	put_snippet(find_source(src, nsrc, g->at.file), g->at, pal, out);
	if (g->related_msg) {
		put_place(g->related, pal, out);
		fprintf(out, "%snote:%s ", pal->level[DIAG_NOTE], pal->reset);
		diag_puts(g->related_msg, out);
		fputc('\n', out);
		put_snippet(find_source(src, nsrc, g->related.file),
			    g->related, pal, out);
	}
	if (g->help) {
		fprintf(out, "  %shelp:%s ", pal->bold, pal->reset);
		diag_puts(g->help, out);
		fputc('\n', out);
	}
}

/* How many of each level to show: errors go before warnings and notes. */
static void share_out(const struct diags *d, size_t max,
		      size_t ret_quota[DIAG_LEVEL_MAX_])
{
	size_t left = max ? max : SIZE_MAX;

	for (int level = DIAG_LEVEL_MAX_ - 1; level >= 0; level--) {
		size_t n = 0;

		for (size_t i = 0; i < d->n; i++)
			n += (int)d->v[i].level == level;
		ret_quota[level] = n < left ? n : left;
		left -= ret_quota[level];
	}
}

void diags_print(const struct diags *d, const struct diag_source *src,
		 size_t nsrc, size_t max, bool color, FILE *out)
{
	const struct palette *pal = color ? &colors : &plain;
	size_t quota[DIAG_LEVEL_MAX_], left_out = 0;

	share_out(d, max, quota);
	for (size_t i = 0; i < d->n; i++) {
		size_t *left = &quota[d->v[i].level];

		/* that not all is known is no detail */
		if (!*left && d->v[i].id != ID_TOO_MANY_ERRORS) {
			left_out++;
			continue;
		}
		*left -= *left > 0;
		put_diag(&d->v[i], src, nsrc, pal, out);
	}
	if (left_out)
		fprintf(out, "... and %zu more\n", left_out);
	if (d->lost)
		fputs("out of memory: some diagnostics were lost\n", out);
}
