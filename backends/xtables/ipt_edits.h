/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/xtables/ipt_edits.h: edits of live rules as chains of ctpolicy's.
 *
 * Where a rule is replaced stands a jump to a chain with its replacements, in
 * the words of iptables; see rules/originals.h.
 *
 * Shape:  as in backends/lower/edits.h; ...s... stands ahead of a rule that
 *         stays. The number is of the rule's words, so that the same edit has
 *         the same name again.
 *         They are chains of the rule's own table: filter, mangle, security.
 * Errors: put_edits() of backends/backend.h.
 */
#ifndef CTPOLICY_BACKENDS_XTABLES_IPT_EDITS_H
#define CTPOLICY_BACKENDS_XTABLES_IPT_EDITS_H

#include "backends/backend.h"

struct ipt_edit_names {
	enum foreign_world world;	/* whose rules are edited */
	/*
	 * Chains' names begin so; at most 17 letters, since a name has 28
	 * (XT_EXTENSION_MAXNAMELEN less its NUL).
	 */
	const char *input, *forward, *output, *prerouting, *postrouting;
};

/* stands_for() of backends/backend.h */
bool ipt_stands_for(const char *stand_in, const struct foreign *f,
		    const struct foreign_rule *r);
int ipt_put_edits(const struct ipt_edit_names *names, struct foreign *f,
		  struct stateless *s, struct image *img, struct diags *d);

#endif
