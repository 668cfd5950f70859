/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/suggest.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/mem.h"

#define WORD_MAX 40

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edits from a to b; swapping neighbours is one, changing case none. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= na; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= nb; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		for (size_t j = 1; j <= nb; j++) {
			int ca = tolower((unsigned char)a[i - 1]);
			int cb = tolower((unsigned char)b[j - 1]);

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
				       d[i - 1][j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca != cb &&
			    ca == tolower((unsigned char)b[j - 2]) &&
			    cb == tolower((unsigned char)a[i - 2]) &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[na][nb];
}

/* Part of a name, long enough to be meant: "proto" for "protocol". */
static bool is_start(const char *a, size_t na, const char *b, size_t nb)
{
	size_t n = na < nb ? na : nb;

	return n >= 3 && !strncasecmp(a, b, n);
}

const char *suggest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	const char *best = NULL;
	unsigned limit = len < 4 ? 1 : len < 6 ? 2 : 3, least = limit + 1;

	if (!len || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t nc = strlen(candidates[i]);
		unsigned d;

		if (nc > WORD_MAX)
			continue;
		d = distance(word, len, candidates[i], nc);
		if (d > limit && is_start(word, len, candidates[i], nc))
			d = limit;
		/* Every letter differs: not a misspelling. */
		if (d >= nc)
			continue;
		/* Few misspell the first letter. */
		if (d < least || (best && d == least && *best != *word &&
				  *candidates[i] == *word)) {
			least = d;
			best = candidates[i];
		}
	}
	return best;
}

bool suggest_is_clear(const char *word, const char *best,
		      const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	unsigned least = distance(word, len, best, strlen(best));

	for (size_t i = 0; i < n; i++) {
		size_t nc = strlen(candidates[i]);

		if (nc <= WORD_MAX && strcmp(candidates[i], best) != 0 &&
		    distance(word, len, candidates[i], nc) <= least)
			return false;
	}
	return true;
}
