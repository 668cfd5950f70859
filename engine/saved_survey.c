/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/saved_survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/intern.h"
#include "core/mem.h"

/* Chains that packets of one base chain can come to. */
struct tour {
	const struct foreign *f;
	bool *seen;
	uint32_t *todo;
	size_t n;
};

static void visit(struct tour *t, uint32_t table, const char *target)
{
	size_t at = target ? name_index_find(&t->f->chain_at, target, table) :
			     SIZE_MAX;

	if (at == SIZE_MAX || t->seen[at])
		return;
	t->seen[at] = true;
	t->todo[t->n++] = (uint32_t)at;
}

/* True: it drops. A jump is noted. */
static bool meets_drop(struct tour *t, uint32_t table,
		       enum foreign_verdict verdict, const char *target)
{
	if (verdict == FOREIGN_JUMP || verdict == FOREIGN_GOTO)
		visit(t, table, target);
	return verdict == FOREIGN_DROP || verdict == FOREIGN_REJECT;
}

static bool map_drops(struct tour *t, uint32_t table, const struct term *term)
{
	const struct key_set *map = &t->f->sets[term->set];
	bool drops = !map->known;

	for (uint32_t i = 0; !drops && i < map->n; i++) {
		const struct foreign_outcome *o =
			&t->f->outcomes[map->outcome + i];

		drops = meets_drop(t, table, o->verdict, o->target);
	}
	return drops;
}

static bool rule_drops(struct tour *t, uint32_t table,
		       const struct foreign_rule *r)
{
	for (uint32_t i = r->terms; i < r->terms + r->n_terms; i++)
		if (t->f->terms[i].kind == TERM_VMAP &&
		    map_drops(t, table, &t->f->terms[i]))
			return true;
	return meets_drop(t, table, r->verdict, r->target);
}

static bool leads_to_drop(struct tour *t, uint32_t base)
{
	const struct foreign *f = t->f;

	memset(t->seen, 0, f->n_chains * sizeof(*t->seen));
	t->n = 0;
	t->seen[base] = true;
	t->todo[t->n++] = base;
	while (t->n) {
		const struct host_chain *c = &f->chains[t->todo[--t->n]];

		for (uint32_t i = c->first; i != FOREIGN_NOWHERE;
		     i = f->rules[i].next)
			if (rule_drops(t, c->table, &f->rules[i]))
				return true;
	}
	return false;
}

static enum hook hook_of(const struct foreign *f, const struct host_chain *c)
{
	static const enum hook hooks[] = { HOOK_INPUT, HOOK_FORWARD,
					   HOOK_OUTPUT };
	const struct foreign_table *t = &f->tables[c->table];

	if (!c->hook || (c->type && !strcmp(c->type, "nat")) ||
	    (t->ranked && !strcmp(t->name, "raw")))
		return HOOK_MAX_;
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(c->hook, hook_name(hooks[i])))
			return hooks[i];
	return HOOK_MAX_;
}

static int add_filter(const struct foreign *f, const struct host_chain *c,
		      enum hook hook, struct survey *s)
{
	struct foreign_chain *x = survey_add(s);

	if (!x)
		return -ENOMEM;
	x->family = f->tables[c->table].family;
	x->hook = hook;
	x->table = intern(f->tables[c->table].name);
	x->chain = intern(c->name);
	x->drops.any = true;
	return x->table && x->chain ? 0 : -ENOMEM;
}

int saved_survey_add(const struct foreign *f, struct survey *s)
{
	_cleanup_free_ bool *seen = calloc(f->n_chains + 1, sizeof(*seen));
	_cleanup_free_ uint32_t *todo = calloc(f->n_chains + 1, sizeof(*todo));
	struct tour t = { .f = f, .seen = seen, .todo = todo };
	int err = seen && todo ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < f->n_chains; i++) {
		const struct host_chain *c = &f->chains[i];
		enum hook hook = hook_of(f, c);

		if (hook != HOOK_MAX_ &&
		    ((c->policy && !strcasecmp(c->policy, "drop")) ||
		     leads_to_drop(&t, i)))
			err = add_filter(f, c, hook, s);
	}
	return err;
}
