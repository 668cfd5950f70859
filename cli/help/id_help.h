/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/help/id_help.h: what the id of a message means, by the man pages.
 *
 * The rows are made of the pages' tables, and examples of what the golden tests
 * say (cli/help/id_help.awk); tests/lint/manpages.py compares the tables with
 * the registry, core/diag_ids.h.
 */
#ifndef CTPOLICY_CLI_ID_HELP_H
#define CTPOLICY_CLI_ID_HELP_H

#include <stdbool.h>

/* Does it look like an id, in capitals or not? */
bool id_help_is(const char *word);
/* false: there is no such id. */
bool id_help_print(const char *word);

struct id_help_row {
	const char *id, *page, *meaning;
	const char *example;		/* NULL: the tests have none */
};

/* NULL: there is no such id. */
const struct id_help_row *id_help_find(const char *word);

#endif
