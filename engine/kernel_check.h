/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/kernel_check.h: does a kernel accept these rules and give them back?
 *
 * Errors: -EOPNOTSUPP: no private namespace can be made, or the kernel
 *         lacks a feature; what commit() gives; -EIO when the kernel gave
 *         back other rules than were written. The reason is in p->diags.
 */
#ifndef CTPOLICY_ENGINE_KERNEL_CHECK_H
#define CTPOLICY_ENGINE_KERNEL_CHECK_H

#include "engine/plan.h"

/* Moves this process into a private network namespace, for good. */
int kernel_check(struct plan *p);

#endif
