/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/placing.h: where a plan's accept rules go among the host's own rules.
 *
 * Errors: -ENOMEM; of a live host, what read_live() of backends/backend.h says.
 */
#ifndef CTPOLICY_ENGINE_PLACING_H
#define CTPOLICY_ENGINE_PLACING_H

#include "engine/plan.h"

/*
 * Into p->stands: by the rules that the part's kernel holds now, which p->host
 * keeps. In another world accept rules of this one do not help.
 */
int placing_live(struct plan *p, const struct part *m);
/*
 * The same where rules are replaced, for families that `keep` leaves as they
 * are; p->host is known.
 */
int placing_kept(struct plan *p);
/* By those of a text in its dialect: with terms, and without ctpolicy's own. */
int placing_of(struct plan *p, const struct part *m, const struct foreign *f);

#endif
