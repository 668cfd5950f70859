/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/words.h: any texts as the words of one line.
 *
 * Shape:  bytes that part words, or that a line had better not hold, are
 *         written as "%0a". A NUL cannot be said.
 * Errors: words_get() gives NULL for what words_put() never wrote.
 */
#ifndef CTPOLICY_CORE_WORDS_H
#define CTPOLICY_CORE_WORDS_H

#include "core/strbuf.h"

void words_put(const char *s, struct strbuf *out);
/* The word that begins here, in place; *s moves behind it. */
char *words_get(char **s);

#endif
