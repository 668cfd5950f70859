/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/kernel_check.h: does a kernel take these rules and give back the same?
 *
 * Errors: -EOPNOTSUPP: no private namespace to be had here, or the kernel
 *         lacks a feature; what commit() gives; -EIO when the kernel gave
 *         back other rules than it was told. The reason is in p->diags.
 */
#ifndef CTPOLICY_ENGINE_KERNEL_CHECK_H
#define CTPOLICY_ENGINE_KERNEL_CHECK_H

#include "engine/plan.h"

/* Moves this process into a private network namespace, for good. */
int kernel_check(struct plan *p);

#endif
