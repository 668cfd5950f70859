/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/suggest.h: nearest names, for "did you mean". */
#ifndef CTPOLICY_CORE_SUGGEST_H
#define CTPOLICY_CORE_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

/* The candidate nearest to a misspelt word, or NULL. */
const char *suggest(const char *word, const char *const *candidates, size_t n);
/* Of those that suggest() chose from: is no other as near as the best? */
bool suggest_is_clear(const char *word, const char *best,
		      const char *const *candidates, size_t n);

#endif
