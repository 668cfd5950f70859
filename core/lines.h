/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/lines.h: texts as lines, their differences, and where lines are now.
 *
 * Shape:  a part is one whole line or more, each with its newline; only the
 *         last line of a text may have none.
 * Units:  lines count from 1, offsets in bytes from 0.
 * Owner:  everything points into the texts.
 * Errors: -ENOMEM, and what a callback returns.
 */
#ifndef CTPOLICY_CORE_LINES_H
#define CTPOLICY_CORE_LINES_H

#include <stddef.h>
#include <stdint.h>

struct lines_part {
	const char *s;
	size_t n;
};

/* The line at *at, which moves behind it; n is 0 at the end. */
struct lines_part lines_next(const char *text, size_t len, size_t *at);
/* Each line, without its newline, as a text that may be changed. */
typedef int lines_take_fn(char *line, void *arg);
int lines_each(const char *text, size_t len, lines_take_fn *take, void *arg);
/* How many lines begin in a text. */
uint32_t lines_count(const char *text, size_t len);
/*
 * The offset, at `from` or behind it, where `part` stands, nearest to the line
 * `near`; SIZE_MAX: nowhere. `from` is where line `line` begins.
 */
size_t lines_find(struct lines_part text, size_t from, uint32_t line,
		  const char *part, uint32_t near, uint32_t *ret_line);

/* Line `line` and those after it, `was`, became `is`; `was` is never empty. */
typedef int lines_hunk_fn(void *arg, uint32_t line, struct lines_part was,
			  struct lines_part is);
/* The hunks that lead from one text, of one line at least, to the other. */
int lines_diff(struct lines_part was, struct lines_part is,
	       lines_hunk_fn *hunk, void *arg);

#endif
