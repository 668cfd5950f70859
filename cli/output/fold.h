/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/output/fold.h: text for people, folded to the width of their terminal.
 *
 * Units:  cells of a terminal; a character is one.
 */
#ifndef CTPOLICY_CLI_FOLD_H
#define CTPOLICY_CLI_FOLD_H

#include <stdio.h>

/* Of a terminal; 80 where there is none. */
unsigned int fold_width(int fd);
/*
 * Print a text, whatever it holds, on a line that has `at` cells already, and
 * a newline. It is folded at spaces; what is folded is indented. What is
 * longer than a line is not cut.
 */
void fold_print(const char *text, unsigned int at, unsigned int indent,
		unsigned int width, FILE *out);

#endif
