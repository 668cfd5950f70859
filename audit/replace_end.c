/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit/replace_end.c: a rule that goes to a chain from which nothing of its
 * packets comes back may do so from within a chain that is called.
 */
#include <errno.h>
#include <string.h>

#include "audit/replace_parts.h"

#define RULES_MAX 64		/* to look at; of more, nothing is known */
#define DEPTH_MAX 8

struct ending {
	const struct job *j;
	size_t rules;
	unsigned int depth;
};

/* What becomes of the job's packets at a rule. */
enum end {
	END_GOES_ON,			/* of some of them, at least */
	END_DECIDED,			/* of all */
	END_LEAVES,			/* some leave the chain undecided */
};

static int find_end(struct ending *x, uint32_t chain, enum end *ret);

static bool is_map_leaving(const struct foreign *f,
			   const struct foreign_rule *r)
{
	return foreign_has_term(f, r, TERM_VMAP) && foreign_leaves_chain(f, r);
}

static int goes_to(struct ending *x, const struct foreign_rule *r, bool all,
		   enum end *ret)
{
	const struct foreign *f = x->j->x->f;
	uint32_t to = foreign_find_chain(f, f->chains[r->chain].table,
					 r->target);
	int err = 0;

	*ret = END_LEAVES;
	if (to != FOREIGN_NOWHERE && x->depth < DEPTH_MAX) {
		x->depth++;
		err = find_end(x, to, ret);
		x->depth--;
	}
	if (*ret == END_GOES_ON)
		*ret = END_LEAVES;
	if (*ret == END_DECIDED && !all)
		*ret = END_GOES_ON;
	return err;
}

static int meet_rule(struct ending *x, const struct foreign_rule *r,
		     enum end *ret)
{
	const struct job *j = x->j;
	const struct foreign *f = j->x->f;
	uint8_t states = zone_rule_states(f, r);
	struct zone_asked asked;
	struct zone z;
	bool all;
	int err = zone_of_rule(j->x->a, f, r, j->x->family, &z, &asked);

	*ret = END_GOES_ON;
	if (err || !asked.takes || (r->n_states && !(states & j->states)) ||
	    !zone_meets(&z, &j->e.own))
		return err;
	all = asked.exact && !asked.flags && !asked.map &&
	      !(j->states & (uint8_t)~states) && zone_within(&j->e.own, &z);
	if (is_map_leaving(f, r) || r->verdict == FOREIGN_RETURN)
		*ret = END_LEAVES;
	else if (r->verdict == FOREIGN_GOTO)
		return goes_to(x, r, all, ret);
	else if (all && foreign_decides(r->verdict))
		*ret = END_DECIDED;
	return 0;
}

static int find_end(struct ending *x, uint32_t chain, enum end *ret)
{
	const struct rule_order *o = &x->j->x->rules;
	int err = 0;

	*ret = END_GOES_ON;
	for (uint32_t i = o->first[chain];
	     !err && *ret == END_GOES_ON && i < o->first[chain + 1]; i++) {
		if (++x->rules > RULES_MAX)
			*ret = END_LEAVES;
		else
			err = meet_rule(x, &x->j->x->f->rules[o->rules[i]],
					ret);
	}
	return err;
}

int job_find_end(struct job *j)
{
	const struct foreign *f = j->x->f;
	struct ending x = { .j = j };
	enum end end = END_LEAVES;
	uint32_t to;
	int err = 0;

	j->ends = false;
	if (j->verdict != FOREIGN_GOTO || foreign_has_term(f, j->r, TERM_VMAP))
		return 0;
	to = foreign_find_chain(f, f->chains[j->r->chain].table, j->target);
	if (to != FOREIGN_NOWHERE)
		err = find_end(&x, to, &end);
	j->ends = end == END_DECIDED;
	return err;
}
