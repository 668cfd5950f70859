/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/originals.h: rules of the host's that stateless ones stand in for.
 *
 * A rule that is replaced leaves its chain; in its place stands a jump to a
 * chain of ctpolicy's (own_names_stand_in()), which holds the rules that do its
 * work. What it was is not in the kernel any more: it is kept here, in the
 * backend's own form, and put back where that jump is.
 *
 * Shape:  one for each chain that stands in, by family, table and name. One
 *         whose jump is not there means nothing: the rule is back, or gone.
 * Owner:  names and texts are interned.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_RULES_ORIGINALS_H
#define CTPOLICY_RULES_ORIGINALS_H

#include "rules/image.h"

struct original {
	uint8_t family;			/* NFPROTO_* of the table */
	const char *table, *stand_in;
	const char *text;
};

struct originals {
	struct original *v;
	size_t n, cap;
};

/* The last text for a name counts. */
int originals_add(struct originals *o, const struct original *x);
/* NULL: not known. */
const char *originals_find(const struct originals *o, uint8_t family,
			   const char *table, const char *stand_in);
/* Tell the jumps of an image what they stand in for. */
void originals_attach(const struct originals *o, struct image *img);
/* Does any rule stand in for another one? NULL: none. */
bool originals_stand(const struct image *img);
/*
 * Note in the jumps of a live image which originals the kernel would not take,
 * since a chain or a set that they name is gone. The function says so,
 * interned: "chain x is not there any more"; NULL: it would.
 */
typedef int originals_lacks_fn(void *arg, const struct image_table *t,
			       const char *chain, const char *original,
			       const char **ret);
int originals_note_lacks(const struct image *img, originals_lacks_fn *fn,
			 void *arg);
/* Learn it from them; *ret_new: how many were not known so. */
int originals_learn(struct originals *o, const struct image *img,
		    size_t *ret_new);
void originals_release(struct originals *o);

#endif
