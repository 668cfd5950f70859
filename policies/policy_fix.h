/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_fix.h: mistakes mended as their diagnostics propose.
 *
 * Each fix is tried by itself, and taken if the policy that comes of it lacks
 * that mistake and has no new one. Everything else of the text stays as it is,
 * comments and all.
 *
 * Shape:  `done` has a note for each fix, at its place in the text as it was
 *         when that one was made.
 * Owner:  the caller frees *ret.
 * Errors: -ENOMEM. A text in which nothing can be mended comes back as it is.
 */
#ifndef CTPOLICY_POLICIES_POLICY_FIX_H
#define CTPOLICY_POLICIES_POLICY_FIX_H

#include "core/diag.h"

/* A policy whose mistakes are more, or larger, is not looked at. */
#define POLICY_FIX_MAX 200
#define POLICY_FIX_BYTES (1u << 20)

int policy_fix(const char *file, const char *text, size_t len, char **ret,
	       size_t *ret_len, struct diags *done);

/* policy_fix_text.c: the text with one fix; -EINVAL: it cannot be made. */
int policy_fix_one(const struct diag *d, unsigned int attempt,
		   const char *text, size_t len, char **ret, size_t *ret_len);
/* How many ways there are to try a fix. */
#define POLICY_FIX_ATTEMPTS 3

#endif
