/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/judge_moves.h: which rules translate the packets of a walk.
 *
 * Shape:  adds to `source_moves`, `destination_moves`, `moves_here` and the
 *         rules of `nat*` and `source`, of packets that were judged before.
 */
#ifndef CTPOLICY_AUDIT_JUDGE_MOVES_H
#define CTPOLICY_AUDIT_JUDGE_MOVES_H

#include "audit/judge.h"

void judge_moves(const struct foreign *f, const struct walk *w,
		 bool answers, struct judged *ret);

#endif
