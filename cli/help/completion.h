/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/help/completion.h: completions of commands and options, by shell.
 *
 * Source: the table of commands and option_table; bash(1) "Programmable
 *         Completion", zshcompsys(1) _arguments, fish's complete(1).
 */
#ifndef CTPOLICY_CLI_COMPLETION_H
#define CTPOLICY_CLI_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/option_table.h"

/* Commands that are not in the table, and stand at the end of the screen. */
extern const char *const completion_extra[][2];

/* The first statement of a help text, on one line, with each `quote` of it
 * written as `as`. */
void completion_print_text(const char *text, char quote, const char *as,
			   FILE *out);
/* No earlier row has this name. */
bool completion_is_first(const struct option_row *row);
/* A row's values are these words, and not a VALUE_*. */
bool completion_has_words(const struct option_row *row);

void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void completion_fish(FILE *out);

#endif
