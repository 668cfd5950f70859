/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_group.h: rules of one shape, written as iptables rules.
 *
 * A packet pays for each rule in a row, so a chain may hold only so many for
 * one shape. Three ways, the first that fits:
 *   inline  every value in the rule: multiport lists, one address each;
 *   own     a rule for each service, its address lists in ipsets of their own;
 *   fused   one rule and one ipset for all.
 *
 * Owner:  borrows from the ruleset; fills image tables.
 * Errors: -ENOMEM, -EOPNOTSUPP or -FAULT_LACKING with a diagnostic at the
 *         service.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_GROUP_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_GROUP_H

#include "backends/iptables/ipt.h"
#include "backends/iptables/ipt_shared.h"
#include "backends/lower/share.h"
#include "rules/stands.h"

/* Rules in a chain that one shape may take. */
#define IPT_INLINE_MAX 24
/* Wider port ranges than this are never spelt out as elements. */
#define IPT_RANGE_MAX 16

/* One shape, at one place, in one family, on one interface. */
struct ipt_group {
	const struct fuse_group *g;
	const struct fuse *f;		/* which is group `index` of these */
	size_t index;
	const struct stands *stands;	/* whose places they have, or NULL */
	const struct ipt_place *place;
	uint8_t family;			/* AF_INET, AF_INET6 */
	const struct iface *iface;	/* NULL: as the model says */
	const struct rule **members;
	size_t n;
	struct image_chain *chain;	/* rules go to its end */
	struct image_table *sets;	/* the ipset table */
	struct ipt_shared *shared;	/* by legs of these */
	const char *timers;		/* the set that rules give; or NULL */
	struct diags *d;
};

int ipt_group_emit(const struct ipt_group *g);

/* ipt_own.c: the rules of one member, with its own sets. */
uint64_t ipt_own_count(const struct rule *r);
int ipt_own_emit(const struct ipt_group *g, const struct rule *r);

/* ipt_group_set.c: how many parts vary beside the interface, which is last. */
size_t ipt_group_parts(const struct ipt_group *g);
/* Which part of a flow it is, whatever it is to this leg. */
uint32_t ipt_group_flow_part(const struct ipt_group *g, enum key_part part);
/* The ports of r in the group's varying part, NULL: it has none. */
const struct port_set *ipt_group_ports(const struct ipt_group *g,
				       const struct rule *r);

/* ipt_fused.c: with addresses, and of ports alone. */
int ipt_fused_emit(const struct ipt_group *g);
int ipt_fused_emit_ports(const struct ipt_group *g);
bool ipt_fused_knows(uint8_t proto, bool with_address);

/* Cut e for ipset, blaming r when that is too much. */
int ipt_group_fit(const struct ipt_group *g, const struct rule *r,
		  struct elems *e);
/*
 * Hand e, fitted, over to a set of these parts, or find the set that another
 * leg of the class has made of it; then e is left alone. Of a service's own
 * sets, its name: the part is one. A set of ports serves both families. NULL:
 * out of memory.
 */
struct image_set *ipt_group_set(const struct ipt_group *g, const char *service,
				const enum key_part *part, struct elems *e);
void ipt_group_lookup(struct image_rule *r, const struct image_set *s,
		      const enum key_part *part, size_t n);

/* The rules of one member, every value inline. */
int ipt_group_rows(const struct ipt_group *g, const struct rule *r);

#endif
