/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/import_spared.h: packets that an earlier rule keeps from a NOTRACK
 * rule: it accepts them, returns, or sets a zone or helper.
 *
 * Owner:  borrows the model.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_IMPORT_SPARED_H
#define CTPOLICY_AUDIT_IMPORT_SPARED_H

#include "audit/box.h"
#include "audit/uses.h"

/* A rule that ends the way, and for which packets. */
struct spare {
	uint32_t rule;
	bool ready;
	bool vague;			/* perhaps not for all of these */
	struct boxes l;
};

struct spared {
	const struct foreign *f;
	struct spare *v;		/* chain by chain, in order */
	uint32_t *first;		/* of each chain, and the end */
	bool *ends;			/* chain: a packet may not come back */
	size_t budget;			/* of comparisons */
};

enum spared_how { SPARED_NONE, SPARED_SOME, SPARED_ALL };

struct spared_by {
	enum spared_how how;
	uint32_t rule;			/* that spares them */
	bool loopback;			/* loopback is spared, nothing else */
};

int spared_find(const struct foreign *f, struct spared *ret);
/*
 * What is left of the boxes, all of one family; SPARED_SOME: boxes cannot say
 * it.
 */
int spared_cut(struct spared *s, const struct uses *u, const struct use *x,
	       bool leaves, struct boxes *l, struct spared_by *ret);
void spared_release(struct spared *s);

#endif
