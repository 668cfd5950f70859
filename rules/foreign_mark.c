/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules/foreign_mark.c: back to what a model held before, or of elsewhere. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rules/foreign.h"

struct foreign_mark foreign_mark(const struct foreign *f)
{
	struct foreign_mark m = {
		.tables = f->n_tables, .chains = f->n_chains,
		.rules = f->n_rules, .states = f->n_states,
		.elems = f->n_elems, .terms = f->n_terms, .sets = f->n_sets,
		.ranges = f->n_ranges, .outcomes = f->n_outcomes,
		.answers = f->n_answers, .kept = f->n_kept,
	};

	memcpy(m.facts, f->facts, sizeof(m.facts));
	return m;
}

static int index_again(struct foreign *f)
{
	int err = 0;

	name_index_release(&f->table_at);
	name_index_release(&f->chain_at);
	for (size_t i = 0; !err && i < f->n_tables; i++)
		err = name_index_add(&f->table_at, f->tables[i].name,
				     (uint32_t)f->tables[i].world << 8 |
					     f->tables[i].family);
	for (size_t i = 0; !err && i < f->n_chains; i++)
		err = name_index_add(&f->chain_at, f->chains[i].name,
				     f->chains[i].table);
	return err ? -ENOMEM : 0;
}

int foreign_rewind(struct foreign *f, const struct foreign_mark *m)
{
	f->n_tables = m->tables;
	f->n_chains = m->chains;
	f->n_rules = m->rules;
	f->n_states = m->states;
	f->n_elems = m->elems;
	f->n_terms = m->terms;
	f->n_sets = m->sets;
	f->n_ranges = m->ranges;
	f->n_outcomes = m->outcomes;
	f->n_answers = m->answers;
	while (f->n_kept > m->kept)
		free(f->kept[--f->n_kept]);
	memcpy(f->facts, m->facts, sizeof(f->facts));
	return index_again(f);
}

int foreign_set_world(struct foreign *f, enum foreign_world world)
{
	for (size_t i = 0; i < f->n_tables; i++)
		f->tables[i].world = world;
	return index_again(f);
}
