/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/timed.h: do a tracked service's timeouts get to its connections?
 *
 * A rule of the host's may keep them off: NOTRACK, since there is no entry to
 * give them to; and, with iptables, another -j CT, of which the first one that
 * takes a packet stands, or a rule of the raw table that accepts it before it
 * comes to ctpolicy's. With nftables they are given behind all of these.
 *
 * Shape:  HARM_UNTIMED and the host's rule, of the first packet; where that is
 *         so for sure, or hangs on which of two chains was hooked up last.
 * Errors: -ENOMEM.
 * Source: xt_ct_target() in net/netfilter/xt_CT.c; nft_ct_timeout_obj_eval().
 */
#ifndef CTPOLICY_ENGINE_TIMED_H
#define CTPOLICY_ENGINE_TIMED_H

#include "audit/judge.h"

/* Rules from number `n` on are those that ctpolicy would have. */
int timed_find(struct walker *w, const struct foreign *f, size_t n,
	       const struct flow_space *sp, const struct flow_sample *s,
	       enum truth tracking, struct harm_found *ret);

#endif
