/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/lower/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "rules/walk.h"

uint32_t lower_alike_ahead(const struct foreign *f, uint32_t rule,
			   lower_same_fn *same)
{
	const struct foreign_rule *r = &f->rules[rule];
	uint32_t n = 0;

	for (uint32_t i = 0; i < rule; i++) {
		const struct foreign_rule *o = &f->rules[i];

		n += o->chain == r->chain && o->raw.n == r->raw.n &&
		     !memcmp(o->raw.s, r->raw.s, r->raw.n) &&
		     (!same || same(o, r));
	}
	return n;
}

int lower_name_chains(const struct foreign *f, struct stateless *s,
		      lower_name_fn *name, void *arg)
{
	const char *own;
	int err = 0;

	for (size_t i = 0; !err && i < s->n_chains; i++) {
		struct stateless_chain *c = &s->chains[i];
		const struct foreign_rule *r = &f->rules[c->rule];

		own = NULL;
		err = name(arg, r->chain, c->hook, r, c->like, &own);
		c->name = own ? own : c->name;
	}
	for (size_t i = 0; !err && i < s->n_copies; i++) {
		struct stateless_copy *c = &s->copies[i];

		own = NULL;
		err = name(arg, c->chain, c->hook, NULL, c->hook, &own);
		c->name = own ? own : c->name;
	}
	return err;
}

bool lower_stands_for(const char *stand_in, const struct foreign *f,
		      const struct foreign_rule *r, lower_number_fn *number)
{
	const char *s = strstr(stand_in, ".r");
	char *end;
	unsigned long wanted = s ? strtoul(s + 2, &end, 16) : 0;

	if (!s || *end || end == s + 2)
		return false;
	for (uint32_t nth = 0; nth < LOWER_TWINS_MAX; nth++)
		if (number(f, r, nth) == wanted)
			return true;
	return false;
}

int lower_refuse_edit(const struct foreign *f, uint32_t chain,
		 const struct foreign_rule *r, const char *why,
		 struct diags *d)
{
	const struct foreign_table *t = &f->tables[f->chains[chain].table];

	diag_add(d, DIAG_ERROR, 0, ID_NOT_EDITED, NOPOS,
		 "chain %s of table %s %s: a rule cannot be replaced there: %s%s%.*s",
		 f->chains[chain].name, foreign_family_name(t->family),
		 t->name, why, r ? ": " : "", r ? (int)r->raw.n : 0,
		 r ? r->raw.s : "");
	return -FAULT_CONFLICT;
}

void lower_tell_copy(const struct foreign *f, const struct stateless_copy *c,
		     struct diags *d)
{
	const struct foreign_table *t = &f->tables[f->chains[c->chain].table];

	diag_add(d, DIAG_WARNING, 0, ID_CHAIN_COPIED, NOPOS,
		 "packets of hook %s pass a copy of chain %s of table %s %s: rules that are added to the chain, or deleted from it, make no difference to them",
		 walk_hook_name(c->hook), f->chains[c->chain].name,
		 foreign_family_name(t->family), t->name);
	diag_help(d, "apply again after each change of this chain, or put such rules into the chains that call it");
}
