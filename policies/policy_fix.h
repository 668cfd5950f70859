/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policies/policy_fix.h: mistakes mended as their diagnostics propose.
 *
 * Each fix is tried by itself, and taken if the policy that comes of it lacks
 * that mistake and has no new one. Everything else of the text stays as it is,
 * comments and all. The text is of one file, or of several
 * (policies/policy_files.h).
 *
 * Shape:  `done` has a note for each fix, at its place in the text as it was
 *         when that one was made, and one (CT017) where not all were tried.
 * Owner:  the caller frees *ret.
 * Errors: -ENOMEM. A text in which nothing can be mended comes back as it is.
 */
#ifndef CTPOLICY_POLICIES_POLICY_FIX_H
#define CTPOLICY_POLICIES_POLICY_FIX_H

#include "core/diag.h"

/* A larger policy is left as it is. */
#define POLICY_FIX_BYTES (1u << 20)
/* To try fixes, so many bytes are read; what is not tried by then stays. */
#define POLICY_FIX_READ (64u << 20)
/* More fixes than these are made until so many bytes were read. */
#define POLICY_FIX_MAX 200
#define POLICY_FIX_CHEAP (16u << 20)

int policy_fix(const char *file, const char *text, size_t len, char **ret,
	       size_t *ret_len, struct diags *done);

/*
 * What would mend one mistake of the text as it is: what stands from one place
 * up to another becomes `text`. `of` and `id` are the mistake's.
 */
struct policy_fix {
	enum diag_id id;
	struct srcpos of, from, to;
	char *text, *msg;
};

struct policy_fixes {
	struct policy_fix *v;
	size_t n, cap;
	bool cut;			/* not every fix was tried */
};

/*
 * policy_fix_propose.c: each fix that policy_fix() would take if it were the
 * only one, in the order of the mistakes; few of a text that has very many.
 */
#define POLICY_PROPOSE_READ (16u << 20)
int policy_fix_propose(const char *file, const char *text, size_t len,
		       struct policy_fixes *ret);
/* The one of a mistake; NULL: none. */
const struct policy_fix *policy_fixes_find(const struct policy_fixes *f,
					   const struct diag *d);
void policy_fixes_release(struct policy_fixes *f);

/* policy_fix_text.c: the text with one fix; -EINVAL: it cannot be made. */
int policy_fix_one(const struct diag *d, unsigned int attempt,
		   const char *text, size_t len, char **ret, size_t *ret_len);
/* How many ways there are to try a fix. */
#define POLICY_FIX_ATTEMPTS 3

#endif
