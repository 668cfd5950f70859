/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_kernel.h: what reading and writing the kernel share.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_KERNEL_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_KERNEL_H

#include "backends/iptables/ipset.h"
#include "backends/iptables/ipt.h"
#include "backends/iptables/ipt_legacy.h"

struct backend_ctx {
	struct ipset_link *sets;
	const struct originals *originals;	/* NULL: none are known */
	const struct expectation *expected;	/* NULL: none */
};

extern const uint8_t ipt_families[2];

/* The tables as they are now, all of both families, as one number. */
int ipt_read_stamp(struct stamp *ret, struct diags *d);

#endif
