/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prove/hold.h: hold all connections, under the kernel's eyes.
 *
 * Shape:  each connection begins from a port of its own, so that late packets
 *         of one are not taken for another's.
 * Errors: no device, address or trace: -errno or -FAULT_LACKING, with a
 *         diagnostic. A connection that cannot be held is not `tried`.
 */
#ifndef CTPOLICY_PROVE_HOLD_H
#define CTPOLICY_PROVE_HOLD_H

#include "prove/cases.h"

struct hold {
	struct scene *scene;
	struct cases *cases;
	struct diags *d;
	struct witness witness;
	uint16_t used;			/* ports of clients */
};

int hold_begin(struct hold *h);
void hold_end(struct hold *h);
/* All cases; with_policy: fills `now`, and tests are tried, too. */
int hold_all(struct hold *h, bool with_policy);
/* Once more those whose packets were lost, to find which rule it was. */
int hold_blame(struct hold *h);

#endif
