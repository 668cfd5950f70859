/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state/json_memory.h: does jansson get all the memory that it wants?
 *
 * Shape:  its lexer cuts a number or a string short when its buffer cannot
 *         grow, and its arrays and objects leave out what they have no room
 *         for; neither says so. Watch, do the work, and ask.
 */
#ifndef CTPOLICY_STATE_JSON_MEMORY_H
#define CTPOLICY_STATE_JSON_MEMORY_H

#include <stdbool.h>

/* From here on; before any JSON of this process is made. */
void json_memory_watch(void);
bool json_memory_lost(void);
/* There was none for what should have become a value. */
void json_memory_lose(void);

#endif
