/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/notrack_places.c: do the rules stand where they have an effect? */
#include <string.h>

#include "audit/notrack_parts.h"
#include "audit/own.h"
#include "core/mem.h"

static int check_hook(struct inspection *j, const struct use *x)
{
	const struct host_chain *c = &j->f->chains[x->base];

	if (strcmp(c->hook, "prerouting") && strcmp(c->hook, "output"))
		return inspect_add(j, DIAG_ERROR, ID_NOTRACK_TOO_LATE, x->rule,
				 FOREIGN_NOWHERE,
				 inspect_help(j, "move it to a chain with hook prerouting or output and priority raw"),
				 "at hook %s packets are tracked already: this rule has no effect",
				 c->hook);
	if (inspect_is_late(c))
		return inspect_add(j, DIAG_ERROR, ID_NOTRACK_TOO_LATE, x->rule,
				 FOREIGN_NOWHERE,
				 inspect_help(j, "give the chain priority raw"),
				 "priority %s comes after tracking (-200): this rule has no effect",
				 c->priority);
	return 0;
}

bool inspect_is_terminal(const struct foreign *f, const struct foreign_rule *r)
{
	return !foreign_is_gone(r) &&
	       (r->verdict == FOREIGN_ACCEPT || r->verdict == FOREIGN_RETURN ||
		(r->features & FEATURE_BIT(CT_OTHER) &&
		 r->verdict == FOREIGN_TARGET && f->n_terms));
}

static bool is_ahead(const struct inspection *j, const struct use *x,
		     const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < x->n_steps; i++) {
		const struct foreign_rule *step = &j->f->rules[
			j->notrack.steps[x->step + i].rule];

		if (step->chain == r->chain && step->at > r->at)
			return true;
	}
	return false;
}

static int check_shadow(struct inspection *j, const struct use *x,
			const uint32_t *terminal, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct foreign_rule *r = &j->f->rules[terminal[i]];

		if (!is_ahead(j, x, r) || !use_implies(&j->notrack, x, r))
			continue;
		return inspect_add(j, DIAG_ERROR, ID_NOTRACK_SHADOWED, x->rule,
				 terminal[i],
				 inspect_help(j, "move this rule ahead of it"),
				 "never reached: an earlier rule %s all of these packets",
				 r->verdict == FOREIGN_ACCEPT ? "accepts" :
				 r->verdict == FOREIGN_RETURN ? "returns" :
				 "sets a helper or zone for");
	}
	return 0;
}

static bool is_used(const struct uses *u, uint32_t rule)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].rule == rule)
			return true;
	return false;
}

static int check_reach(struct inspection *j)
{
	const struct foreign *f = j->f;
	int err = 0;

	for (uint32_t i = 0; !err && i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (!own_is_host(f, r) || f->chains[r->chain].hook ||
		    !(r->features & FEATURE_BIT(NOTRACK)) ||
		    is_used(&j->notrack, i))
			continue;
		err = inspect_add(j, DIAG_WARNING, ID_NOTRACK_UNREACHED, i,
				FOREIGN_NOWHERE,
				inspect_help(j, "jump to its chain from prerouting or output, at priority raw"),
				"no packet comes here: no chain with a hook leads to this rule's chain");
	}
	return err;
}

int inspect_places(struct inspection *j)
{
	const struct uses *u = &j->notrack;
	_cleanup_free_ uint32_t *terminal = NULL;
	size_t n = 0, cap = 0;
	int err = 0;

	for (uint32_t i = 0; i < j->f->n_rules; i++) {
		const struct foreign_rule *r = &j->f->rules[i];

		if (!inspect_is_terminal(j->f, r))
			continue;
		for (size_t k = 0; k < u->n; k++) {
			if (!is_ahead(j, &u->v[k], r))
				continue;
			if (mem_grow(&terminal, &cap, n + 1))
				return -ENOMEM;
			terminal[n++] = i;
			break;
		}
	}
	for (size_t i = 0; !err && i < u->n; i++) {
		if (u->v[i].own)
			continue;
		err = check_hook(j, &u->v[i]);
		if (!err)
			err = check_shadow(j, &u->v[i], terminal, n);
	}
	return err || u->cut ? err : check_reach(j);
}
