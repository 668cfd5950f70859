/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/lower/refuse.h"

#include "core/fault.h"

int lower_refuse_edit(const struct foreign *f, uint32_t chain,
		      const struct foreign_rule *r, const char *why,
		      struct diags *d)
{
	const struct foreign_table *t = &f->tables[f->chains[chain].table];

	diag_add(d, DIAG_ERROR, 0, ID_NOT_EDITED, NOPOS,
		 "chain %s of table %s %s: a rule cannot be replaced there: %s%s%.*s",
		 f->chains[chain].name, foreign_family_name(t->family),
		 t->name, why, r ? ": " : "", r ? (int)r->raw.n : 0,
		 r ? r->raw.s : "");
	return -FAULT_CONFLICT;
}
