/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/judge_source.h: an ICMP error, which any router may send.
 *
 * A rule that asks for its source may match, and so may the next one: where the
 * first leads to a chain and the second, there, asks for the same, the two look
 * as if they could disagree. Of one source after the other they cannot.
 *
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_JUDGE_SOURCE_H
#define CTPOLICY_AUDIT_JUDGE_SOURCE_H

#include "rules/walk.h"

/* What `walk` is not sure of: *ret: does the packet pass, whoever sends it? */
int judge_source(struct walker *w, const struct foreign *f,
		 const struct packet *p, const struct walk *walk, bool *ret);

#endif
