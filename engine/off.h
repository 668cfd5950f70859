/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/off.h: the part of a change that is the modules of connection
 * tracking, and what they lose by being unloaded: their settings.
 *
 * Shape:  a state lists what is loaded, in the order of unloading, then the
 *         settings. One that lists nothing means "off". Towards "off" the
 *         modules go after everything else of the change was done; towards
 *         any other state what is missing comes first, and other modules that
 *         are loaded stay.
 * Owner:  off_release().
 * Errors: -FAULT_CONFLICT: something holds a module, each named. -errno of
 *         loading or unloading, with a diagnostic. -ENOMEM.
 * Source: Documentation/networking/nf_conntrack-sysctl.rst.
 */
#ifndef CTPOLICY_ENGINE_OFF_H
#define CTPOLICY_ENGINE_OFF_H

#include "core/diag.h"
#include "engine/items.h"
#include "host/modules.h"

#define OFF_TARGET "modules"	/* its name in a record */

struct off {
	struct beside at;
	enum modules_state state;	/* as read last */
	bool yields, gave_up;		/* see off_take_out() */
	bool noted;			/* the state folder has `live` for it */
	char *note_before;		/* what it had; NULL: nothing */
};

/* Read what is live; what leads from there to `want` are the steps. */
int off_compare(struct off *o);
/* Is everything that the items list loaded and set; if none: is nothing? */
int off_holds(const struct items *live, const struct items *want, bool *ret);
int off_bring_back(const struct off *o, unsigned int *begun, struct diags *d);
/*
 * Where an unconfirmed, interrupted or failed change is undone (`yields`), what
 * holds a module keeps no rules in force: it is a warning, and what is loaded
 * then is wanted.
 */
int off_take_out(struct off *o, unsigned int *begun, struct diags *d);
void off_release(struct off *o);

#endif
