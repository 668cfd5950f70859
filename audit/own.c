/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/own.h"

#include "rules/own_names.h"

/* A saved text does not tell whether it is one of legacy tables. */
static bool is_own_name(const char *s)
{
	return s && (own_names_nft(s) || own_names_xt(s));
}

bool own_is_chain(const struct foreign *f, size_t chain)
{
	const struct host_chain *c = &f->chains[chain];
	const struct foreign_table *t = &f->tables[c->table];

	return is_own_name(c->name) || own_names_table(t->family, t->name);
}

bool own_is_rule(const struct foreign *f, const struct foreign_rule *r)
{
	return own_is_chain(f, r->chain) ||
	       ((r->verdict == FOREIGN_JUMP || r->verdict == FOREIGN_GOTO) &&
		is_own_name(r->target));
}

bool own_is_host(const struct foreign *f, const struct foreign_rule *r)
{
	return !foreign_is_gone(r) && !own_is_rule(f, r);
}

void own_take_out(struct foreign *f)
{
	foreign_take_out(f, own_is_rule);
	for (uint32_t i = 0; i < f->n_chains; i++)
		if (own_is_chain(f, i))
			f->chains[i].hook = NULL;
}
