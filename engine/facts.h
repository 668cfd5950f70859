/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/facts.h: what the generators want to know of this host.
 *
 * Errors: -ENOMEM; what read_live() of backends/backend.h says.
 */
#ifndef CTPOLICY_ENGINE_FACTS_H
#define CTPOLICY_ENGINE_FACTS_H

#include "engine/change.h"
#include "generators/generate.h"

/* What can be read without privilege; the kernel's defaults for the rest. */
int facts_read(struct host_facts *ret);
/* Are all rules of the host known, and does any of them need tracking? */
int facts_add_rules(const struct part *m, struct host_facts *ret,
		    struct diags *d);

#endif
