/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/preflight_said.h: what pre-flight said of which service and rule, so
 * that each is named once.
 *
 * Owner:  borrows the services.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_ENGINE_PREFLIGHT_SAID_H
#define CTPOLICY_ENGINE_PREFLIGHT_SAID_H

#include "audit/judge.h"

struct service;
struct said;

struct preflight_said {
	struct said *all;
	bool refused;		/* something forbids the change */
};

/* Was it said already? Else it is from now on. */
int preflight_note(struct preflight_said *said, const struct service *s,
		   const struct harm_found *h, bool *ret_known);
/* Was it said of some rule that the service would be cut off? */
bool preflight_is_cut_off(const struct preflight_said *said,
			  const struct service *s);
void preflight_said_release(struct preflight_said *said);

#endif
