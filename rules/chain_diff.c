/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/chain_diff.h"

#include <string.h>

#include "core/mem.h"

/*
 * Pair each wanted rule with the first equal live rule that is still free.
 * Both sides come from the same sort, so equal rules stand close: the search
 * begins behind the last hit.
 */
static void pair_up(const struct image_chain *want,
		    const struct image_chain *live, size_t *pair, bool *taken)
{
	size_t start = 0;

	for (size_t i = 0; i < want->n_rules; i++) {
		pair[i] = SIZE_MAX;
		for (size_t n = 0; n < live->n_rules; n++) {
			size_t k = (start + n) % live->n_rules;

			if (taken[k] || !image_rule_equal(&want->rules[i],
							  &live->rules[k]))
				continue;
			pair[i] = k;
			taken[k] = true;
			start = (k + 1) % live->n_rules;
			break;
		}
	}
}

/* Clear every pair that is not on a longest increasing subsequence. */
static void keep_increasing(size_t *pair, size_t n, size_t *tail, size_t *prev,
			    bool *on)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		size_t lo = 0, hi = len;

		if (pair[i] == SIZE_MAX)
			continue;
		while (lo < hi) {
			size_t mid = (lo + hi) / 2;

			if (pair[tail[mid]] < pair[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		prev[i] = lo ? tail[lo - 1] : SIZE_MAX;
		tail[lo] = i;
		if (lo == len)
			len++;
	}
	for (size_t i = len ? tail[len - 1] : SIZE_MAX; i != SIZE_MAX;
	     i = prev[i])
		on[i] = true;
	for (size_t i = 0; i < n; i++)
		if (!on[i])
			pair[i] = SIZE_MAX;
}

int chain_match(const struct image_chain *want, const struct image_chain *live,
		size_t **ret)
{
	size_t n = want->n_rules;
	_cleanup_free_ size_t *pair = calloc(n + 1, sizeof(*pair));
	_cleanup_free_ size_t *tail = calloc(n + 1, sizeof(*tail));
	_cleanup_free_ size_t *prev = calloc(n + 1, sizeof(*prev));
	_cleanup_free_ bool *on = calloc(n + 1, sizeof(*on));
	_cleanup_free_ bool *taken = calloc(live->n_rules + 1, sizeof(*taken));

	if (!pair || !tail || !prev || !on || !taken)
		return -ENOMEM;
	pair_up(want, live, pair, taken);
	keep_increasing(pair, n, tail, prev, on);
	*ret = TAKE_PTR(pair);
	return 0;
}
