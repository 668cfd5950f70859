/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/change/change_summary.h: the steps of a change, by service.
 *
 * Shape:  a change for each service of the policy, in its order, then one for
 *         each that only the kernel has; last, where there is such a thing,
 *         one without a name: what all services share, ICMP errors, or what
 *         somebody else put into ctpolicy's chains. Of a service that a
 *         set's elements name, a rule that looks them up is the service's,
 *         too. Objects are rules and elements of sets.
 *         A place is a chain of the host's, or a base chain of ctpolicy's own,
 *         that leads to the service's rules.
 * Owner:  change_summary_release(); everything else is borrowed from the plan.
 * Errors: -ENOMEM.
 */
#ifndef CTPOLICY_CLI_CHANGE_SUMMARY_H
#define CTPOLICY_CLI_CHANGE_SUMMARY_H

#include "cli/change/result.h"

enum change_sign { SIGN_NONE, SIGN_ADD, SIGN_CHANGE, SIGN_REMOVE, SIGN_MAX_ };

enum place_kind { PLACE_NOTRACK, PLACE_TIMERS, PLACE_ACCEPT };

struct place_change {
	uint8_t family;			/* NFPROTO_* of the table */
	const char *table, *chain;	/* interned */
	enum place_kind kind;
	size_t wanted;			/* rules that there shall be */
	size_t missing, surplus;	/* rules to be added and deleted */
	size_t shortcuts;	/* missing ones that others do as well */
	size_t elems_missing, elems_surplus;
	size_t cut, left;	/* rules that a jump comes, and goes, to */
	bool values;			/* timeouts are other ones */
};

struct service_change {
	const char *name;		/* NULL: shared by all */
	const char *why;		/* as the kernel or the policy has it */
	const struct service *service;	/* NULL: the policy has it no more */
	bool tracked;			/* of the section `tracked` */
	enum change_sign sign;
	bool strange;			/* shared: rules no policy makes */
	size_t wanted, live;		/* objects */
	struct place_change *places;
	size_t n_places, cap_places;
	size_t turn;			/* in which it was found last */
};

struct change_summary {
	struct service_change *v;
	size_t n, cap;
	size_t of_sign[SIGN_MAX_];	/* services; shared ones not counted */
	size_t added, removed;		/* all steps in the kernel's rules */
	size_t restored;		/* rules of the host's, put back */
	size_t turn;			/* a number for each rule looked at */
	struct name_index at;		/* while it is made */
};

int change_summary_make(const struct result_end *e,
			struct change_summary *ret);
void change_summary_release(struct change_summary *s);

/* The set that a rule of the table looks up; ipsets belong to no table. */
const struct image_set *summary_set(const struct image *img,
				    const struct image_table *t,
				    const char *name);
/* Is an object of this origin the service's? NULL: of no service. */
bool origin_is_of(const struct origin *o, const char *service);

#endif
