/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/zone.h: packets by their fields, as ranges.
 *
 * Unlike a list of terms, zones can be intersected, subtracted from each other
 * and turned round, and nothing is lost: a negation is only other ranges.
 *
 * Shape:  a packet is in the zone if each of its fields is in the dimension's
 *         spans. Spans are sorted and apart from each other; not `limited`: all
 *         values; limited without spans: none, the zone is empty. Zones never
 *         change what their spans point to, so that they are copied by `=`.
 * Units:  keys as in rules/term.h; addresses are as wide as the family has
 *         them. An interface's name is a range of one, "eth+" one of many.
 * Owner:  spans live in the arena given.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_RULES_ZONE_H
#define CTPOLICY_RULES_ZONE_H

#include "core/arena.h"
#include "rules/term.h"

enum zone_dim {
	ZONE_PROTO, ZONE_SRC, ZONE_DST, ZONE_SPORT, ZONE_DPORT, ZONE_IIF,
	ZONE_OIF, ZONE_ICMP, ZONE_MAX_
};

struct spans {
	const struct key_range *v;
	size_t n;
	bool limited;
};

struct zone {
	uint8_t family;			/* NFPROTO_IPV4, NFPROTO_IPV6 */
	struct spans dim[ZONE_MAX_];
};

struct zones {
	struct zone *v;
	size_t n;
};

/* All packets of the family. */
struct zone zone_all(uint8_t family);
size_t zone_bytes(uint8_t family, enum zone_dim dim);
bool zone_is_empty(const struct zone *z);
bool zone_is_all(const struct zone *z);
/* Sorted and joined; of `negated`, all other values. */
int spans_of(struct arena *a, size_t bytes, const struct key_range *v,
	     size_t n, bool negated, struct spans *ret);
/* The values that are not in them. */
int spans_invert(struct arena *a, size_t bytes, const struct spans *s,
		 struct spans *ret);
bool spans_meet(const struct spans *a, const struct spans *b);
bool spans_within(const struct spans *a, const struct spans *b);
/* Of names of interfaces: one, or all that begin alike; and loopback's. */
bool name_is_pattern(const struct key_range *r);
bool name_is_lo(const struct key_range *r);
/* Those of z whose field is one of the numbers first..last. */
int zone_limit(struct arena *a, const struct zone *z, enum zone_dim dim,
	       const uint32_t (*v)[2], size_t n, bool negated,
	       struct zone *ret);
int zone_intersect(struct arena *a, const struct zone *x,
		   const struct zone *y, struct zone *ret);
bool zone_meets(const struct zone *x, const struct zone *y);
bool zone_within(const struct zone *x, const struct zone *y);
/* Of x, what y does not have: as zones that don't meet. */
int zone_subtract(struct arena *a, const struct zone *x, const struct zone *y,
		  struct zones *ret);
/* As seen by the packet that answers. The ICMP type is any. */
struct zone zone_mirror(const struct zone *z);
/* Zones within others go, those that differ in one dimension become one. */
int zones_join(struct arena *a, struct zones *l);
/* What it points to becomes part of this arena: the other one may go. */
int zone_copy(struct arena *a, struct zone *z);

#endif
