/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/import_parts.h: the stages of audit/import.h.
 *
 *   rules -read-> legs -pair-> pieces -merge-> services -name
 *
 * Shape:  a leg is one direction at one hook, of one family. `sides`: the
 *         ports it names are the destination's (a request), the source's (a
 *         reply), or neither (both). Pieces are services of one protocol and
 *         one range of ports.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_AUDIT_IMPORT_PARTS_H
#define CTPOLICY_AUDIT_IMPORT_PARTS_H

#include "audit/import.h"
#include "audit/uses.h"

enum { LEG_REQUESTS = 1 << 0, LEG_REPLIES = 1 << 1 };

struct import_leg {
	struct box box;
	uint32_t use, rule;
	unsigned int sides, notes;
	bool leaves;			/* at OUTPUT */
	bool on_lo;
	bool is_blanket;		/* left over, but answers others */
	bool is_every;			/* ... and may be one of any protocol */
	bool served;			/* ... and is */
	bool is_ghost;			/* left over, but another's partner */
	bool wide;			/* names no port, or most of them */
	bool paired;			/* with any other, for any port */
};

/* A use whose leg is just like that of another one. */
struct import_twin {
	uint32_t of, use;
};

struct import_legs {
	struct import_leg *v;
	size_t n, cap;
	struct import_twin *twins;	/* sorted */
	size_t n_twins, cap_twins;
	struct uses uses;
};

int import_read(const struct foreign *f, const struct import_request *rq,
		struct import *im, struct import_legs *ret);
int import_pair(struct import_legs *l, const struct import_request *rq,
		struct import *im);
/* Services of any protocol, first; the rules that are none are left over. */
int import_pair_every(struct import_legs *l, const struct import_request *rq,
		      struct import *im);
/* Legs that are the same become one, which stands for all. */
int import_find_twins(struct import_legs *l);
/*
 * Services have listed uses so far: now they list rules, those that lead to
 * the NOTRACK rule and those of twins, too.
 */
int import_list_rules(const struct import_legs *l, struct import *im);
int import_merge(struct import *im);
void import_sort(struct import *im);
int import_name(struct import *im);

int import_leave(struct import *im, const struct import_left *x);
int rule_list_add(struct rule_list *l, uint32_t rule);
void import_legs_release(struct import_legs *l);
void import_service_release(struct import_service *s);

#endif
