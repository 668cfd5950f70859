/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace.h: stateless rules for those that match connection states.
 *
 * What ESTABLISHED, RELATED, NEW and INVALID stand for in a hook is worked out
 * from what may begin there; see the comments of audit/replace_rule.c.
 *
 * Shape:  a family in which a rule stays that needs tracking all the same (NAT,
 *         a helper, a rule without a replacement) is left as it is, unless
 *         `force` says to replace the rest. What stays in a table of both
 *         families stays for both.
 * Owner:  what `ret` points to lives in the arena and the model.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_REPLACE_H
#define CTPOLICY_AUDIT_REPLACE_H

#include "rules/stateless.h"

struct replace_how {
	stateless_text_of *text;	/* NULL: of the live kernel */
	enum stateless_words words;
	bool force;
};

int replace_find(struct arena *a, const struct foreign *f,
		 const struct replace_how *how, struct stateless *ret);
/* A rule that needs tracking and has no replacement: why. Else NULL. */
const char *replace_keeps(const struct foreign *f,
			  const struct foreign_rule *r);
/* Does it match connections that are translated, by their state? */
bool replace_is_translated(const struct foreign *f,
			   const struct foreign_rule *r);

#endif
