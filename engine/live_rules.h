/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/live_rules.h: the host's own rules as the kernel holds them, of all
 * worlds.
 *
 * Shape:  `f` is empty but for wants_terms, or holds what was read before.
 *         Nothing is written, no module is loaded. A world that this kernel
 *         lacks has no rules.
 * Errors: -FAULT_USAGE: no such backend. -FAULT_LACKING: none can read. Else
 *         the backend's own, each with a diagnostic.
 */
#ifndef CTPOLICY_ENGINE_LIVE_RULES_H
#define CTPOLICY_ENGINE_LIVE_RULES_H

#include "audit/notrack.h"
#include "backends/backend.h"

/*
 * `name`: of one backend; NULL or "auto": all. Warns of what is not read. Powers
 * that reading does not take are given up first, unless they are kept. The
 * newest record of the state folder may spare some reading.
 */
int live_rules_read(const char *name, const char *state_dir,
		    bool keeps_powers, struct foreign *f, struct diags *d);
/* All but those of one backend, which are there already; NULL: all. */
int live_rules_read_but(const struct backend *but, struct foreign *f,
			struct diags *d);
/* ... and what is wrong with the NOTRACK rules among them. -errno */
int live_rules_judge(const struct foreign *f, struct flaws *ret,
		     struct diags *d);

#endif
