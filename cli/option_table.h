/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/option_table.h: the options of all commands, in one table.
 *
 * Parsing, help screens and completions go by these rows; the man page is
 * compared with them (tests/lint/manpages.py).
 *
 * Shape:  a row for each meaning of an option: two rows of one name belong to
 *         different commands, and differ in their help alone. Help screens
 *         list rows in this order.
 */
#ifndef CTPOLICY_CLI_OPTION_TABLE_H
#define CTPOLICY_CLI_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct command;

/* What a long option without a letter is called inside. */
enum option_key {
	KEY_FLAG = 256,
	KEY_FAMILY,
	KEY_CONFIRM,
	KEY_COLOR,
	KEY_TEXT,
	KEY_STATE,
	KEY_WATCH,
	KEY_JSON,
	KEY_FORMAT,
};

/* What a value is, where it is not one of some words. */
#define VALUE_FILE "<file>"
#define VALUE_FOLDER "<folder>"
#define VALUE_INTERFACE "<interface>"
#define VALUE_POLICY "<policy>"

struct option_row {
	const char *name;
	const char *arg;	/* as the help names it; "[X]": optional */
	const char *values;	/* words, or one VALUE_*; NULL: who knows */
	unsigned int bit;	/* OPT_*; 0: every command takes it */
	int key;		/* an option_key, or its letter: then a flag,
				   or with an argument a text */
	size_t flag;		/* in struct options, where one is set */
	const char *help;	/* lines, without the last line feed */
};

#define OPTION_ROWS 46

extern const struct option_row option_table[];

bool option_is_taken(const struct command *c, const struct option_row *row);
bool option_has_letter(const struct option_row *row);
#define OPTION_LETTERS 16	/* room for what option_letters() writes */
/* For getopt(3): those of a command, ahead of them a colon. */
void option_letters(const struct command *c, char ret[OPTION_LETTERS]);
/* The options of a command, its own first, as its help screen has them. */
void option_table_print(const struct command *c, FILE *out);

#endif
