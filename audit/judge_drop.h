/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/judge_drop.h: which rule drops the packet of a walk, or lets it pass.
 *
 * Shape:  fills `rule`, `chain`, `base`, `by_default` and `by_ctmark`: of the
 *         chain that drops it for sure, else of the first that may;
 *         FOREIGN_NOWHERE as all three where none does.
 */
#ifndef CTPOLICY_AUDIT_JUDGE_DROP_H
#define CTPOLICY_AUDIT_JUDGE_DROP_H

#include "audit/judge.h"

void judge_drop(const struct foreign *f, const struct walk *walk,
		struct judged_talk *ret);
/* Fills `pass`, for each base chain that some rule of its accepts it in. */
void judge_passes(const struct foreign *f, const struct walk *walk,
		  struct judged *ret);

#endif
