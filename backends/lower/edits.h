/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/lower/edits.h: what edits of live rules have alike in every dialect.
 *
 * Shape:  of chains, PREFIX.r1a2b3c4d stands in for a rule, ...c... is called
 *         by such a chain, or is a copy for another hook, ...g... does what a
 *         rule does that leaves its chain.
 * Owner:  names are interned.
 */
#ifndef CTPOLICY_BACKENDS_LOWER_EDITS_H
#define CTPOLICY_BACKENDS_LOWER_EDITS_H

#include "core/diag.h"
#include "rules/stateless.h"

/* Nobody keeps more rules that are the same. */
#define LOWER_TWINS_MAX 8

/* Do they say the same, beyond their words? NULL: words are all. */
typedef bool lower_same_fn(const struct foreign_rule *a,
			   const struct foreign_rule *b);
/* How many rules of its chain ahead of it say the same. */
uint32_t lower_alike_ahead(const struct foreign *f, uint32_t rule,
			   lower_same_fn *same);

/*
 * The name of a chain that is made for the rule, as the hook has it, or (`r`
 * NULL) of a copy of `chain`; *ret NULL: of another dialect's. -ENOMEM.
 */
typedef int lower_name_fn(void *arg, uint32_t chain, uint8_t hook,
			  const struct foreign_rule *r, uint32_t number,
			  const char **ret);
/* Chains get names by which they are known to be ctpolicy's. */
int lower_name_chains(const struct foreign *f, struct stateless *s,
		      lower_name_fn *name, void *arg);
/* The number in a name is that of a rule, the n-th of the same. */
typedef uint32_t lower_number_fn(const struct foreign *f,
				 const struct foreign_rule *r, uint32_t nth);
bool lower_stands_for(const char *stand_in, const struct foreign *f,
		      const struct foreign_rule *r, lower_number_fn *number);

/* -FAULT_CONFLICT, with a diagnostic; r NULL: what is added at the end. */
int lower_refuse_edit(const struct foreign *f, uint32_t chain,
		 const struct foreign_rule *r, const char *why,
		 struct diags *d);
/* A ban that is put into the chain by hand would be half a ban. */
void lower_tell_copy(const struct foreign *f, const struct stateless_copy *c,
		     struct diags *d);

#endif
