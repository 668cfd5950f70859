/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help/id_help.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/output/fold.h"
#include "core/mem.h"

static const struct id_help_row rows[] = {
#include "cli/help/id_help_rows.h"
};

bool id_help_is(const char *word)
{
	return !strncasecmp(word, "CT", 2) && strlen(word) == 5 &&
	       strspn(word + 2, "0123456789") == 3;
}

const struct id_help_row *id_help_find(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcasecmp(rows[i].id, word))
			return &rows[i];
	return NULL;
}

bool id_help_print(const char *word)
{
	const struct id_help_row *row = id_help_find(word);

	if (!row)
		return false;
	printf("%s  ", row->id);
	fold_print(row->meaning, 7, 7, fold_width(1), stdout);
	if (row->example)
		printf("\nFor example:\n\n%s", row->example);
	printf("\n%s lists all ids.\n", row->page);
	return true;
}
