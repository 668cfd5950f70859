/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/uses.h: rules with what leads to them. A rule may stand in a chain
 * that several others jump to: each way from a hook is a use of it.
 *
 * Shape:  steps of a use from the base chain's rule to the rule itself; of each
 *         the first n_terms terms count, and of its verdict map the outcome
 *         that leads on. A rule that no hook reaches has no use.
 * Units:  a sample's fields as in rules/term.h; families: USE_IPV4, USE_IPV6.
 * Owner:  borrows the model.
 * Errors: -ENOMEM. `cut`: there are more than USES_MAX, or chains too deep.
 */
#ifndef CTPOLICY_AUDIT_USES_H
#define CTPOLICY_AUDIT_USES_H

#include "rules/foreign.h"

#define USES_MAX 4096
#define USE_DEPTH 16

enum use_kind { USE_NOTRACK, USE_DNAT, USE_SNAT };

struct use_step {
	uint32_t rule, n_terms;
	uint32_t outcome;		/* of a verdict map; or NOWHERE */
};

struct use {
	uint32_t rule, base;
	bool own;			/* ctpolicy's */
	uint32_t step, n_steps;		/* in uses.steps */
};

struct uses {
	const struct foreign *f;
	struct use *v;
	size_t n, cap;
	struct use_step *steps;
	size_t n_steps, cap_steps;
	bool cut;
};

/* A packet of which some fields are known. */
struct sample {
	uint8_t family;			/* NFPROTO_IPV4, NFPROTO_IPV6 */
	uint32_t known, absent;		/* 1 << FIELD_* */
	uint8_t v[FIELD_MAX_][TERM_KEY_MAX];
};

int uses_find(const struct foreign *f, enum use_kind kind,
	      struct uses *ret);
void uses_release(struct uses *u);
/* May such a packet come to the rule? */
bool use_may_take(const struct uses *u, const struct use *x,
		  const struct sample *s);
/*
 * The ranges that the use demands of a field, ranges[0], ranges[*ret_stride]
 * and so on; NULL: it demands none, or not by listing them.
 */
const struct key_range *use_ranges(const struct uses *u, const struct use *x,
				   enum packet_field field, size_t *ret_n,
				   size_t *ret_stride);
/* Does it look at the field at all, in whatever way? */
bool use_asks(const struct uses *u, const struct use *x,
	      enum packet_field field);
/* Is there anything in it that is not understood? */
bool use_is_opaque(const struct uses *u, const struct use *x);
/* Are there packets that both may take? */
bool uses_meet(const struct uses *ua, const struct use *a,
	       const struct uses *ub, const struct use *b);
/* Does every packet that comes to the use match the terms of this rule? */
bool use_implies(const struct uses *u, const struct use *x,
		 const struct foreign_rule *r);

void sample_set(struct sample *s, enum packet_field x, const void *value);
void sample_set_number(struct sample *s, enum packet_field x, uint32_t n);

/* The rules of a chain in the order of evaluation. */
struct rule_order {
	uint32_t *rules;
	uint32_t *first;		/* of each chain, and the end */
};

int rule_order_make(const struct foreign *f, struct rule_order *ret);
void rule_order_release(struct rule_order *o);

#endif
