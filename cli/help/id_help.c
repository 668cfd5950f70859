/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help/id_help.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/output/fold.h"
#include "core/mem.h"

static const struct {
	const char *id, *page, *meaning;
	const char *example;		/* NULL: the tests have none */
} rows[] = {
#include "cli/help/id_help_rows.h"
};

bool id_help_is(const char *word)
{
	return !strncasecmp(word, "CT", 2) && strlen(word) == 5 &&
	       strspn(word + 2, "0123456789") == 3;
}

bool id_help_print(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strcasecmp(rows[i].id, word))
			continue;
		printf("%s  ", rows[i].id);
		fold_print(rows[i].meaning, 7, 7, fold_width(1), stdout);
		if (rows[i].example)
			printf("\nFor example:\n\n%s", rows[i].example);
		printf("\n%s lists all ids.\n", rows[i].page);
		return true;
	}
	return false;
}
