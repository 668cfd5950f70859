/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/judge_drop.h: which rule drops the packet of a walk, and which lets it
 * pass for as long as a limit does.
 *
 * Shape:  fills `rule`, `chain`, `by_default` and `by_ctmark`: of the chain
 *         that drops it for sure, else of the first that may; FOREIGN_NOWHERE
 *         as both where none does.
 */
#ifndef CTPOLICY_AUDIT_JUDGE_DROP_H
#define CTPOLICY_AUDIT_JUDGE_DROP_H

#include "audit/judge.h"

void judge_drop(const struct foreign *f, const struct walk *walk,
		struct judged_talk *ret);
/* Fills `limit`. */
void judge_limit(const struct foreign *f, const struct walk *walk,
		 struct judged_talk *ret);

#endif
