/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_mirror.h: where our rules stand in the kernel's chains.
 *
 * libiptc counts positions, a changeset points at rules. A mirror follows a
 * chain through the commits of a changeset.
 *
 * Shape:  v[i] is the rule at position i, NULL: somebody else's.
 * Owner:  borrows rules and names from the images.
 * Errors: -ENOMEM. -FAULT_STALE: our rules in the kernel are not as many as the
 *         mirror holds; nothing has changed.
 */
#ifndef CTPOLICY_BACKENDS_IPTABLES_IPT_MIRROR_H
#define CTPOLICY_BACKENDS_IPTABLES_IPT_MIRROR_H

#include "backends/iptables/ipt_legacy.h"
#include "rules/image.h"

struct ipt_mirror {
	uint8_t family;
	char table[32];
	const char *chain;		/* the images' */
	const struct image_rule **v;
	size_t n, cap;
	size_t last;			/* what was found stood here */
};

struct ipt_mirrors {
	struct ipt_mirror *v;
	size_t n, cap;
};

/* Made from t and the live image at the first call for a chain. */
int ipt_mirror_get(struct ipt_mirrors *all, const struct ipt_legacy *t,
		   const char *chain, const struct image *live,
		   struct ipt_mirror **ret);
/* t was opened again: others may have written around our rules. */
int ipt_mirrors_align(struct ipt_mirrors *all, const struct ipt_legacy *t);
int ipt_mirrors_copy(const struct ipt_mirrors *from, struct ipt_mirrors *ret);
/* m->n when r is not there, or NULL. */
size_t ipt_mirror_find(struct ipt_mirror *m, const struct image_rule *r);
/* Right behind so many of somebody else's; m->n where there are fewer. */
size_t ipt_mirror_behind(const struct ipt_mirror *m, size_t host_rules);
int ipt_mirror_insert(struct ipt_mirror *m, size_t at,
		      const struct image_rule *r);
void ipt_mirror_remove(struct ipt_mirror *m, size_t at);
void ipt_mirrors_release(struct ipt_mirrors *all);

#endif
