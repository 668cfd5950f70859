/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/find.c: a row of the table of backends. */
#include <string.h>

#include "backends/backend.h"

const struct backend *backend_find(const char *name)
{
	for (size_t i = 0; backends[i]; i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return NULL;
}

const struct backend *backend_of_text(const char *text)
{
	for (size_t i = 0; backends[i]; i++)
		if (backends[i]->recognizes && backends[i]->recognizes(text))
			return backends[i];
	return NULL;
}
