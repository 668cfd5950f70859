/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_shared.h: sets that a leg of a class has made, for the
 * others, which need not make their elements to find them.
 *
 * Shape:  groups of one class have the same flows (backends/lower/share.h), so
 *         what one makes of them is what the others would, over the same parts
 *         of a flow, in one family and on one interface.
 * Owner:  borrows the groups' values: as long as the fuse is there.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_SHARED_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_SHARED_H

#include "core/inet.h"
#include "rules/image.h"

struct ipt_group;

struct ipt_shared {
	struct ipt_shared_set {
		size_t first;			/* group of the class */
		uint8_t family, n_parts;
		uint8_t part[ELEMS_MAX_FIELDS];	/* of the flow */
		const struct origin *origin;	/* NULL: of all in the group */
		const struct iface *iface;	/* NULL: as the group says */
		const struct prefix_set *of;	/* NULL: of all in the group */
		const char *set;		/* its name */
	} *v;
	size_t n, cap;
	struct name_index at;
};

/* Parts of all flows, or the values of one part of one. */
struct ipt_set_of {
	const struct origin *origin;	/* whose that is; NULL: all */
	const struct prefix_set *values;	/* NULL: all */
	const enum key_part *part;
	size_t n;
};

/* NULL: no leg has made it yet. */
struct image_set *ipt_shared_find(const struct ipt_group *g,
				  const struct ipt_set_of *of);
/* The group's class has it from now on. What no leg shares is not kept. */
int ipt_shared_add(const struct ipt_group *g, const struct ipt_set_of *of,
		   const struct image_set *s);
/* Before the groups are others. */
void ipt_shared_release(struct ipt_shared *s);

#endif
