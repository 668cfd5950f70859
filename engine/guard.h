/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/guard.h: does this policy lock its author out?
 *
 * The connections by which people are logged in (host/login.h) and those to
 * `management` services are followed through the wanted rules: what is taken
 * out of tracking must be accepted by ctpolicy's rules wherever the host
 * filters, since the host's own rules may know it by its state only.
 *
 * Errors: -FAULT_CONFLICT: it does, with a diagnostic that names the leg, or a
 *         warning alone with --force. Nothing was done.
 */
#ifndef CTPOLICY_ENGINE_GUARD_H
#define CTPOLICY_ENGINE_GUARD_H

#include "engine/plan.h"

/* p must have been compared; p->logins NULL: nobody is known to be. */
int guard_check(struct plan *p);

/*
 * A new login shows that one can still log in: was this `confirm` given over
 * the connection that applied the change? Errors and `force` are as above.
 */
int guard_confirm(const struct logins *l, const struct pending *trial,
		  bool force, struct diags *d);

#endif
