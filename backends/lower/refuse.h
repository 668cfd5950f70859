/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/lower/refuse.h: that a rule of the host's cannot be replaced where
 * it stands.
 */
#ifndef CTPOLICY_BACKENDS_LOWER_REFUSE_H
#define CTPOLICY_BACKENDS_LOWER_REFUSE_H

#include "core/diag.h"
#include "rules/foreign.h"

/* -FAULT_CONFLICT, with a diagnostic; r NULL: what is added at the end. */
int lower_refuse_edit(const struct foreign *f, uint32_t chain,
		      const struct foreign_rule *r, const char *why,
		      struct diags *d);

#endif
