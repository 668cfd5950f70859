/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "state/json_memory.h"

#include <jansson.h>
#include <stdlib.h>

static bool lost;

static void *room(size_t n)
{
	void *p = malloc(n);

	lost |= !p;
	return p;
}

void json_memory_watch(void)
{
	lost = false;
	json_set_alloc_funcs(room, free);
}

void json_memory_lose(void)
{
	lost = true;
}

bool json_memory_lost(void)
{
	return lost;
}
