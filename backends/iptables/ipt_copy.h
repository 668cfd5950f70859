/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/iptables/ipt_copy.h: backends/copy.h, for legacy iptables. */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_COPY_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_COPY_H

#include "backends/copy.h"

/* ipt_load.c */
int ipt_load(struct backend_ctx *ctx, const char *file,
	     const struct foreign *f, struct diags *d);
extern const struct rules_copier ipt_copier;

#endif
