/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/own.h: which rules of a host are ctpolicy's.
 *
 * They are read together with the host's, since they stand among them, and are
 * left out of what is said about the host's.
 */
#ifndef CTPOLICY_AUDIT_OWN_H
#define CTPOLICY_AUDIT_OWN_H

#include "rules/foreign.h"

bool own_is_chain(const struct foreign *f, size_t chain);
bool own_is_rule(const struct foreign *f, const struct foreign_rule *r);
/* A rule that is in force and the host's own. */
bool own_is_host(const struct foreign *f, const struct foreign_rule *r);
/*
 * Leave the host's own rules alone in a model. ctpolicy's chains are no longer
 * hooked: emptied, they would still be met.
 */
void own_take_out(struct foreign *f);

#endif
