/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_live.h: rules and ipsets of this kernel for the model.
 *
 * Shape:  a set that cannot be listed, or whose kind or elements the model has
 *         no words for, is one whose members are not known. Each use of a set
 *         in a rule has one key_set, which equal uses share.
 * Owner:  borrows the backend's link to ipset, which it opens when needed.
 * Errors: -ENOMEM; ipt_read_live() as backends/backend.h.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_LIVE_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_LIVE_H

#include "backends/backend.h"

struct ipt_live_sets;

struct ipt_live_sets *ipt_live_sets_new(struct backend_ctx *ctx);
void ipt_live_sets_free(struct ipt_live_sets **s);
/* For struct xt_set_source; arg: struct ipt_live_sets. */
int ipt_live_set_fill(void *arg, struct foreign *f, uint8_t family,
		      const char *name, const char *flags, struct term *t);

int ipt_read_live(struct backend_ctx *ctx, struct foreign *f, struct diags *d);

#endif
