/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/lower/fuse.h: rules of one shape brought together, for backends
 * with sets.
 *
 * Two rules have the same shape when they differ in nothing but the values of
 * their ports, addresses and plain interface names. What a packet pays then
 * depends on the number of shapes, not of services. Rules that count have the
 * same shape only if they belong to the same service.
 *
 * Shape:  groups in rule order; in a group, `rule` is the model: its match
 *         holds what all members share, with the varying sets emptied, and
 *         the roles of all of them, which are no part of the shape. The
 *         varying parts are `part`, ports first (the most selective field of
 *         an interval concatenation must come first), then the address of who
 *         began the flow, the other one, and the interface. `members` are the
 *         rules themselves. A wild interface is never a varying part: each one
 *         makes a shape of its own, and the model's iif/oif then holds it
 *         alone; so does "lo". Where a rule has both port sets (a reply
 *         limited to local ports), the service's varies (dport of a request,
 *         else sport), and the model keeps the other.
 * Owner:  members borrow from the ruleset.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_LOWER_FUSE_H
#define CTPOLICY_BACKENDS_LOWER_FUSE_H

#include "rules/image.h"
#include "rules/name_index.h"

struct fuse_group {
	struct rule model;		/* owned sets: iif/oif/icmp constants */
	enum key_part part[ELEMS_MAX_FIELDS];
	uint8_t n_parts;
	uint8_t family;			/* AF_UNSPEC: holds for both */
	const struct rule **members;
	size_t n_members, cap_members;
	unsigned int place;		/* as fuse_add() was told */
	/* The caller's, until fuse_share() (backends/lower/share.h). */
	unsigned int realm;		/* those of one may share a set */
	size_t first, next;		/* of its class */
};

#define FUSE_LAST SIZE_MAX

struct fuse {
	struct fuse_group *v;
	size_t n, cap;
	struct name_index at;		/* by interface and shape_digest() */
};

/* The type of a field that is compared with this part, in this family. */
enum field_type key_part_field(enum key_part part, uint8_t family);
int fuse_rules(const struct ruleset *rs, struct fuse *ret);
/* More rules, for another place: they get groups of their own. */
int fuse_add(struct fuse *f, const struct ruleset *rs, unsigned int place);
/*
 * What one member would cost as elements: the product of its varying sets;
 * and their sum. A member with several wild interfaces is in several groups.
 */
uint64_t fuse_cost(const struct fuse_group *g, const struct rule *r);
uint64_t fuse_dimensions(const struct fuse_group *g, const struct rule *r);
/*
 * Set e up for n of the group's parts (all of them, or one for a set of its
 * own), and append the member's boxes over these parts.
 */
void fuse_init_elems(const struct fuse_group *g, const enum key_part *part,
		     size_t n, struct elems *e);
int fuse_expand(const struct rule *r, const enum key_part *part, size_t n,
		struct elems *e);
void fuse_release(struct fuse *f);

#endif
