/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules/walk.h: what the host's own rules make of a packet.
 *
 * A packet follows its path through every base chain that hooks there, those
 * of nft and of legacy tables in one order, and through conntrack. What cannot
 * be decided counts both ways: the outcome is the set of all that may happen,
 * and every rule that is in doubt is named. What several ways lead to is
 * joined at once, so that the cost is that of the rules visited.
 *
 * An entry of the connection table is taken for untranslated: only the first
 * packet of a flow meets the nat chains. Chains of arp, bridge and netdev
 * tables, and flowtables, take no part.
 *
 * Shape:  phases in the order of the walk, one for each base chain and one for
 *         conntrack itself; steps of a phase in the order of evaluation, rules
 *         that don't match left out. A step `matched` when its rule holds;
 *         `reached`, if the walk got there for sure. Chains of equal priority
 *         run in an order that only the kernel knows: the phases show them
 *         the newest first, as if all had been made in the order of the model;
 *         the outcome counts all orders (`order_matters`: they differ).
 * Units:  a position counts from 1, in every dialect.
 * Owner:  a walker borrows its model, a walk both. A walker belongs to one
 *         thread.
 * Errors: -ENOMEM.
 * Source: nf_hook_slow() and nf_nat_inet_fn() in the kernel's net/netfilter,
 *         nf_conntrack_in(); priorities in linux/netfilter_ipv4.h.
 */
#ifndef CTPOLICY_RULES_WALK_H
#define CTPOLICY_RULES_WALK_H

#include "rules/foreign.h"
#include "rules/packet.h"

enum walk_outcome {
	WALK_ACCEPTED = 1 << 0,
	WALK_DROPPED = 1 << 1,
	WALK_UNKNOWN = WALK_ACCEPTED | WALK_DROPPED,
};

/* What may have become of the packet at some point. */
struct walk_state {
	uint8_t ct;		/* NF_CT_STATE_BITs, CT_TEMPLATE */
	uint8_t moved;		/* MOVED_*: how addresses may have changed */
	struct ct_zone zone;	/* that conntrack looks in, or looked in */
	uint32_t lost;		/* 1 << FIELD_*: no longer what they were */
	uint32_t mark, mark_known;
	uint32_t ctmark, ctmark_known;	/* of the entry, if there is one */
	uint32_t ctmark_new;		/* bits that no rule has touched */
};

#define CT_TEMPLATE 0x80	/* a zone or helper was set before conntrack */

enum {
	MOVED_NOT_SOURCE = 1 << 0,
	MOVED_SOURCE = 1 << 1,
	MOVED_NOT_DESTINATION = 1 << 2,
	MOVED_DESTINATION = 1 << 3,
	MOVED_HERE = 1 << 4,	/* to this host (REDIRECT) */
};

struct walk_step {
	uint32_t chain, rule;		/* FOREIGN_NOWHERE: the policy */
	uint32_t position;		/* 0: the policy */
	uint32_t term;			/* the first in doubt, or NOWHERE */
	enum truth matched, reached;
	enum foreign_verdict verdict;	/* NONE: goes on */
	const char *target;		/* NULL: the verdict needs none */
	uint32_t to;			/* jump, goto: the chain, or NOWHERE */
};

struct walk_phase {
	uint32_t chain;			/* FOREIGN_NOWHERE: conntrack */
	uint8_t hook;			/* enum nf_inet_hooks */
	int32_t priority;
	uint8_t outcome;		/* enum walk_outcome */
	enum truth reached;
	struct walk_state before, after;
	size_t first, n;		/* steps */
};

#define WALK_HOOKS 5	/* NF_INET_NUMHOOKS */

/* The mark that leaves a hook, which routes are chosen by. */
struct walk_mark {
	bool met;			/* the packet may have come there */
	uint32_t value, known;
};

struct walk {
	struct walk_phase *phases;
	size_t n_phases, cap_phases;
	struct walk_step *steps;
	size_t n_steps, cap_steps;
	uint8_t outcome;
	enum truth tracked;		/* has, or gets, an entry */
	enum truth translated;
	struct walk_state after;	/* all of it */
	struct walk_mark mark[WALK_HOOKS];
	bool order_matters;
	bool too_long;			/* given up; the outcome is unknown */
};

struct walker;

int walker_new(const struct foreign *f, struct walker **ret);
void walker_free(struct walker **w);
int walk_run(struct walker *w, const struct packet *p, struct walk *ret);
/*
 * The rules of a phase that its verdict kept from deciding: the steps that the
 * rest of the chain would have taken, down to the next certain verdict or the
 * policy. None where several rules may have decided.
 */
int walk_never_reached(struct walker *w, const struct packet *p,
		       const struct walk *from, size_t phase,
		       struct walk *ret);
void walk_release(struct walk *w);
/* Does the extension that a rule calls let every packet go on, as LOG does? */
bool walk_goes_on(const struct foreign *f, const struct foreign_rule *r,
		  const char *extension);
/* Rules that all walks so far have looked at: what they cost. */
size_t walker_visits(const struct walker *w);
/* The rules of a chain, in their order, by number. */
const uint32_t *walker_rules(const struct walker *w, uint32_t chain,
			     uint32_t *ret_n);
/* Of a rule in its chain, from 1. */
uint32_t walker_position(const struct walker *w, uint32_t rule);
const char *walk_hook_name(uint8_t hook);
/* Of a base chain, as it is written: "-300", "raw", "raw - 10"; NULL: 0. */
int32_t walk_priority(const char *s);
/* The last step of a phase, if it decides all that is `reached` there. */
const struct walk_step *walk_decider(const struct walk *w,
				     const struct walk_phase *phase);

#endif
