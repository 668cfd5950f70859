/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine/kept.h: what may stay, and connection tracking with it, though the
 * policy forbids to match states: `keep`.
 *
 * A family in which such a rule stays is tracked: rules that match its states
 * stay, too, since stateless ones would save nothing and only let more in.
 *
 * Shape:  all zero: nothing stays.
 */
#ifndef CTPOLICY_ENGINE_KEPT_H
#define CTPOLICY_ENGINE_KEPT_H

#include "engine/plan.h"

struct kept {
	size_t n;			/* rules, objects that `keep` names */
	bool ipv4, ipv6;		/* stay tracked for them */
};

void kept_find(const struct plan *p, const struct foreign *f,
	       struct kept *ret);
/* May a rule stay that needs tracking? */
bool kept_may_stay(const struct plan *p, const struct kept *k,
		   const struct foreign *f, const struct foreign_rule *r);
/* What `keep` must list for it, KEEP_*; 0: only states, or no word fits. */
unsigned int kept_words(const struct foreign *f, const struct foreign_rule *r);
/* Declared helpers, timeouts, expectations and synproxies that may not. */
size_t kept_objects_left(const struct plan *p, const struct foreign *f);
/* What `keep` must list for those besides what it does, KEEP_*. */
unsigned int kept_objects_words(const struct plan *p, const struct foreign *f);
/* Say once what stays, and why; -ENOMEM. */
int kept_tell(struct plan *p, const struct kept *k);

#endif
