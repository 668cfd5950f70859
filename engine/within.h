/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/within.h: services that this host, asking itself, sends elsewhere.
 *
 * Untracked packets are not translated. Where a rule of the host's gives its
 * connections with itself another destination, these stay tracked, and the
 * service leaves tracking for all others; unless the policy speaks of nobody
 * else, or overrides translation: pre-flight then says what it thinks of that.
 *
 * Shape:  sets service.keeps_own4 and keeps_own6 in the plan's policy.
 *         *ret_any: of some service; the rules must be made again.
 * Errors: -ENOMEM; what read_live() of backends/backend.h says.
 */
#ifndef CTPOLICY_ENGINE_WITHIN_H
#define CTPOLICY_ENGINE_WITHIN_H

#include "engine/plan.h"

int within_find(struct plan *p, bool *ret_any);
/*
 * The same of a text's rules, whatever host they are of: what gives such
 * connections another source is not looked at.
 */
int within_find_in(struct plan *p, const struct foreign *f, bool *ret_any);

#endif
