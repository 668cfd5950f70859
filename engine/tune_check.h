/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/tune_check.h: may the settings of a plan be written?
 *
 * Everything that refuses does so here, before anything is written: keys that
 * the kernel lacks, or lets nobody write here; a table that is too small for
 * its entries, or has too few buckets. What is not refused may be warned of.
 *
 * Errors: -FAULT_LACKING, -FAULT_CONFLICT, -FAULT_PERMISSION, each with
 *         diagnostics; -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_TUNE_CHECK_H
#define CTPOLICY_ENGINE_TUNE_CHECK_H

#include "engine/plan.h"

/* After plan_compare(). */
int tune_check(struct plan *p);

#endif
