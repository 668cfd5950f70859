/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/lower/share.h: groups that look up the same values, seen from
 * another direction or at another hook.
 *
 * A service's requests come from those whom its answers go to: of its legs
 * each compares other fields of a packet, but with the same values. The parts
 * of a group stand in the order of the flow (backends/lower/fuse.h), so a set
 * that is made for one such group is good for all. Legs of another role have
 * sets of their own: one more service of a single role would tear these apart.
 *
 * Shape:  groups of one class are linked, in their order, from its `first` to
 *         FUSE_LAST; one that shares with none is a class of its own. All
 *         groups of a class have one action, protocol, family, realm and
 *         roles, and the same values of the same services in as many
 *         parts.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_LOWER_SHARE_H
#define CTPOLICY_BACKENDS_LOWER_SHARE_H

#include "backends/lower/fuse.h"

/* Works out `first` and `next` of all groups, by their `realm`. */
int fuse_share(struct fuse *f);
/* Is its set, if it needs one, another group's too? */
bool fuse_is_shared(const struct fuse *f, size_t group);

#endif
