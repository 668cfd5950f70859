/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/chain_diff.h: which rules of a live chain may stay where they are.
 *
 * Shape:  ret[i] is the index in `live` of the rule that serves as
 *         want->rules[i], or SIZE_MAX; the indices that are there rise.
 *         As many rules stay as can (longest increasing subsequence).
 * Owner:  *ret is malloc'd, want->n_rules long, for the caller to free.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_RULES_CHAIN_DIFF_H
#define CTPOLICY_RULES_CHAIN_DIFF_H

#include "rules/image.h"

int chain_match(const struct image_chain *want, const struct image_chain *live,
		size_t **ret);

#endif
