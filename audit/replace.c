/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/replace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "audit/chain_hooks.h"
#include "audit/keepers.h"
#include "audit/own.h"
#include "audit/replace_notes.h"
#include "audit/replace_parts.h"
#include "audit/replace_places.h"
#include "audit/replace_split.h"
#include "core/mem.h"

static bool is_ours(const struct replacing *x, const struct foreign_rule *r)
{
	const struct foreign *f = x->f;

	return own_is_host(f, r) &&
	       foreign_takes_part(&f->tables[f->chains[r->chain].table],
				  x->family);
}

/* Of any chain that leads to it, does one come ahead of conntrack? */
static bool in_raw(const struct replacing *x, const struct foreign_rule *r)
{
	const struct foreign *f = x->f;
	const struct foreign_table *t = &f->tables[f->chains[r->chain].table];

	if (!replace_has_sets(x, r->chain) || t->world == WORLD_LEGACY)
		return !strcmp(t->name, "raw");
	return x->early[r->chain];
}

/* Were established ones accepted before, in each base chain on the way? */
static int find_passed(struct job *j)
{
	struct replacing *x = j->x;
	uint32_t table = x->f->chains[j->r->chain].table;
	int err = 0;

	j->passed = j->common = true;
	for (uint32_t c = 0; !err && c < x->f->n_chains; c++) {
		struct view *v;

		if (x->f->chains[c].table != table ||
		    chain_hook(&x->f->chains[c]) != j->hook)
			continue;
		err = replace_view(x, c, &v);
		if (err || !v->established.passed[j->rule])
			continue;
		j->passed &= v->established.passed[j->rule] == FIRST_PASSED;
		j->common &= v->established.passed[j->rule] != FIRST_MET;
	}
	return err;
}

static enum stateless_text text_of(struct replacing *x,
				   const struct foreign_rule *r)
{
	enum stateless_text text = x->how->text ? x->how->text(x->f, r) :
						  TEXT_APPENDS;

	x->lost |= text == TEXT_LOST;
	return text;
}

/* Rules that count others, or are counted, must stay as many as they are. */
static bool may_change(const struct job *j, const struct rule_list *l)
{
	struct replacing *x = j->x;

	if (text_of(x, j->r) == TEXT_APPENDS && !x->counted[j->r->chain])
		return true;
	if (l->n > 1)
		return false;
	return l->n ? replace_is_one(j, &l->v[0].zone) :
		      !x->counted[j->r->chain];
}

/* Of the text itself, which the dialect's reader knows; NULL: nothing. */
static const char *odd_text(struct replacing *x, const struct foreign_rule *r)
{
	static const char *const why[] = {
		[TEXT_OTHER] = "stands in a text that cannot be edited",
		[TEXT_NAMELESS] = "stands in a chain without a name, or calls one",
		[TEXT_HEADERS] = "asks for IPv6 extension headers",
		[TEXT_NEXT_HEADERS] = "asks for `ip6 nexthdr` other than by a list of known protocols",
		[TEXT_DEFINED] = "takes its states from a define",
		[TEXT_INCLUDES] = "stands among included files, whose rules are not known here",
		[TEXT_LOST] = "",
	};

	return why[text_of(x, r)];
}

static int close_edit(struct job *j, const struct rule_list *l)
{
	struct stateless *s = j->x->out;

	if (mem_grow(&s->edits, &s->cap_edits, s->n_edits + 1) ||
	    mem_grow(&s->rules, &s->cap_rules, s->n_rules + l->n + 1))
		return -ENOMEM;
	j->e.n_chains = (uint32_t)s->n_chains - j->e.first_chain;
	j->e.first = (uint32_t)s->n_rules;
	j->e.n = (uint32_t)l->n;
	if (l->n)
		memcpy(s->rules + s->n_rules, l->v, l->n * sizeof(*l->v));
	s->n_rules += l->n;
	if (!j->e.why && l->n && limit_begins_anew(j))
		j->e.loses |= LOSES(QUOTA);
	if (j->e.why)
		j->e.kind = STATELESS_NONE;
	else if (j->e.admits || j->e.loses)
		j->e.kind = STATELESS_APPROXIMATE;
	s->edits[s->n_edits++] = j->e;
	return 0;
}

static int begin_job(struct replacing *x, uint32_t rule, uint8_t hook,
		     struct job *ret)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	struct job j = { .x = x, .r = r, .rule = rule, .hook = hook,
			 .states = zone_rule_states(x->f, r),
			 .verdict = r->verdict, .target = r->target };
	int err;

	j.e = (struct stateless_edit){ .rule = rule, .chain = r->chain,
				       .hook = hook, .family = x->family };
	j.e.first_chain = (uint32_t)x->out->n_chains;
	err = zone_of_rule(x->a, x->f, r, x->family, &j.e.own, &j.asked);
	j.e.takes = j.asked.takes;
	*ret = j;
	return err;
}

/* A rule without states, in a chain that becomes several. */
static int count_in_hook(struct replacing *x, uint32_t rule, uint8_t hook)
{
	_cleanup_(list_release) struct rule_list l = { 0 };
	struct job j;
	int err = begin_job(x, rule, hook, &j);

	if (err || !j.asked.alone || !j.asked.takes)
		return err;
	if (odd_text(x, j.r) || x->counted[j.r->chain])
		x->loose[j.r->chain] = true;
	else
		err = limit_stays(&j, &l);
	return err || !l.n ? err : close_edit(&j, &l);
}

static int replace_in_hook(struct replacing *x, uint32_t rule, uint8_t hook)
{
	_cleanup_(list_release) struct rule_list l = { 0 };
	const struct foreign_rule *r = &x->f->rules[rule];
	size_t n_chains = x->out->n_chains, n_inner = x->out->n_inner;
	struct job j;
	int err = begin_job(x, rule, hook, &j);

	j.e.why = replace_keeps(x->f, r);
	if (!j.e.why)
		j.e.why = odd_text(x, r);
	if (err || j.e.why)
		return err ? err : close_edit(&j, &l);
	if (in_raw(x, r)) {
		j.e.why = "is asked for ahead of connection tracking";
		return close_edit(&j, &l);
	}
	err = find_passed(&j);
	if (!err)
		err = replace_rule(&j, &l);
	if (err == -E2BIG)
		j.e.why = list_too_long(&j);
	else if (!err && !may_change(&j, &l))
		j.e.why = "stands by its number among the others, which more rules would change";
	else if (!err && j.e.depends)
		j.e.why = x->stuck[r->chain];
	if (err && err != -E2BIG)
		return err;
	if (j.e.why) {
		limit_forget(&j);
		x->out->n_chains = n_chains;
		x->out->n_inner = n_inner;
		l.n = 0;
		j.e.admits = j.e.loses = 0;
	}
	return close_edit(&j, &l);
}

static int each_hook(struct replacing *x, uint32_t rule, job_fn *fn)
{
	static const uint8_t hooks[] = {
		NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT,
		NF_INET_PRE_ROUTING, NF_INET_POST_ROUTING,
	};
	uint8_t reach = x->reach[x->f->rules[rule].chain];
	int err = 0;

	/* that nobody calls: as if packets went through the host there */
	if (!reach)
		return keep_job(x, rule, NF_INET_FORWARD, fn);
	for (size_t i = 0; !err && i < ARRAY_SIZE(hooks); i++)
		if (reach >> hooks[i] & 1)
			err = keep_job(x, rule, hooks[i], fn);
	return err;
}

static bool stays(const struct replacing *x, const struct foreign_rule *r)
{
	return keepers_has(x->f, r) && replace_keeps(x->f, r);
}

static int find_edits(struct replacing *x, bool *ret_left)
{
	const struct foreign *f = x->f;
	size_t before = x->out->n_edits;
	int err = 0;

	for (uint32_t i = 0; !err && i < f->n_rules; i++) {
		if (foreign_is_gone(&f->rules[i]) ||
		    !is_ours(x, &f->rules[i]))
			continue;
		*ret_left |= stays(x, &f->rules[i]);
		if (f->rules[i].features & FEATURE_BIT(STATE))
			err = each_hook(x, i, replace_in_hook);
		else if (x->counted_once && x->split[f->rules[i].chain])
			err = each_hook(x, i, count_in_hook);
	}
	for (size_t i = before; i < x->out->n_edits; i++)
		*ret_left |= x->out->edits[i].kind == STATELESS_NONE;
	return err;
}

/* A table of both families has one text for both. */
static bool is_of_both(const struct replacing *x,
		       const struct stateless_edit *e)
{
	return x->f->tables[x->f->chains[e->chain].table].family ==
	       NFPROTO_INET;
}

static void keep_edit(struct stateless_edit *e, const char *why)
{
	e->why = why;
	e->kind = STATELESS_NONE;
	e->n = e->n_chains = 0;
	e->admits = e->loses = 0;
}

/* What stays for one hook stays for all. */
static void join_hooks(struct replacing *x, const struct replaced *v)
{
	struct stateless_edit *e = x->out->edits;
	size_t end;

	for (size_t i = v->first; i < v->end; i = end) {
		const char *why = NULL;

		for (end = i; end < v->end && e[end].rule == e[i].rule; end++)
			why = why ? why : e[end].why;
		for (size_t k = i; why && k < end; k++)
			if (!e[k].why)
				keep_edit(&e[k], why);
	}
}

/* Those of a family are in the order of rules and hooks, for either. */
static bool join_families(struct replacing *x, struct replaced *v)
{
	struct stateless_edit *e = x->out->edits;
	size_t k = v[1].first;
	bool any = false;

	for (size_t i = v[0].first; i < v[0].end; i++) {
		if (!is_of_both(x, &e[i]))
			continue;
		any = true;
		while (k < v[1].end && (e[k].rule != e[i].rule ||
					e[k].hook != e[i].hook))
			k++;
		if (k == v[1].end)
			break;
		if (e[i].why && !e[k].why)
			keep_edit(&e[k], e[i].why);
		else if (e[k].why && !e[i].why)
			keep_edit(&e[i], e[k].why);
	}
	return any;
}

static void forget_views(struct replacing *x)
{
	for (size_t c = 0; c < x->f->n_chains; c++) {
		first_release(&x->views[c].fresh);
		first_release(&x->views[c].established);
		x->views[c].begun = (struct zones){ 0 };
		x->views[c].known = false;
	}
	x->knows_resets = false;
}

static int replace_family(struct replacing *x, struct replaced *part)
{
	int err;

	x->family = part->family;
	x->part = part;
	part->first = x->out->n_edits;
	err = find_edits(x, &part->left);
	part->end = x->out->n_edits;
	join_hooks(x, part);
	if (!err)
		err = notes_of_family(x);
	forget_views(x);
	return err;
}

#define FAMILIES 2

/* Helpers, timeouts and expectations that are declared keep tracking on. */
static bool keeps_by_objects(const struct foreign *f)
{
	return f->facts[FACT_CT_OBJECTS] || f->facts[FACT_SYNPROXY_OBJECTS];
}

/* All that was found before is forgotten, but for what is known of chains. */
static void begin_round(struct replacing *x)
{
	struct stateless *s = x->out;

	s->n_edits = s->n_rules = s->n_chains = s->n_inner = 0;
	x->n_notes = x->n_names = 0;
	x->full = false;
	memset(x->loose, 0, x->f->n_chains * sizeof(*x->loose));
	for (size_t i = 0; i < ARRAY_SIZE(x->held); i++)
		for (size_t k = 0; k < x->f->n_rules; k++)
			x->held[i][k] = FOREIGN_NOWHERE;
}

static int find_families(struct replacing *x, struct replaced v[FAMILIES])
{
	static const uint8_t families[FAMILIES] = { NFPROTO_IPV4,
						    NFPROTO_IPV6 };
	int err = 0;

	begin_round(x);
	for (size_t i = 0; !err && i < FAMILIES; i++) {
		v[i] = (struct replaced){ .family = families[i] };
		v[i].left = keeps_by_objects(x->f);
		err = replace_family(x, &v[i]);
	}
	if (err)
		return err;
	if (join_families(x, v))
		v[0].left = v[1].left = v[0].left || v[1].left;
	for (size_t i = 0; i < FAMILIES; i++) {
		v[i].left &= !x->how->force;
		for (size_t k = v[i].first; k < v[i].end; k++)
			x->out->edits[k].left = v[i].left;
	}
	return 0;
}

static int replace_families(struct replacing *x)
{
	struct replaced v[FAMILIES];
	bool again = true;
	int err = 0;

	while (!err && again) {
		err = find_families(x, v);
		if (!err)
			err = split_find(x, &again);
	}
	if (err)
		return err;
	split_announce(x);
	return replace_places(x, v, FAMILIES);
}

static void replacing_release(struct replacing *x)
{
	if (x->views)
		forget_views(x);
	free(x->views);
	free(x->reach);
	free(x->counted);
	free(x->early);
	free(x->split);
	free(x->stuck);
	free(x->loose);
	free(x->held[0]);
	free(x->held[1]);
	free(x->notrack);
	free(x->notes);
	rule_order_release(&x->rules);
}

static int begin_split(struct replacing *x)
{
	size_t n = x->f->n_chains + 1;
	bool ok = true;

	x->split = calloc(n, sizeof(*x->split));
	x->stuck = calloc(n, sizeof(*x->stuck));
	x->loose = calloc(n, sizeof(*x->loose));
	for (size_t i = 0; i < ARRAY_SIZE(x->held); i++) {
		x->held[i] = calloc(x->f->n_rules + 1, sizeof(*x->held[i]));
		ok &= x->held[i] != NULL;
	}
	return ok && x->split && x->stuck && x->loose ? 0 : -ENOMEM;
}

static int begin(struct replacing *x)
{
	size_t n = x->f->n_chains + 1;

	x->reach = calloc(n, sizeof(*x->reach));
	x->views = calloc(n, sizeof(*x->views));
	x->counted = calloc(n, sizeof(*x->counted));
	x->early = calloc(n, sizeof(*x->early));
	x->out->hooks = calloc(n, sizeof(*x->out->hooks));
	if (!x->reach || !x->views || !x->counted || !x->early ||
	    !x->out->hooks || begin_split(x) ||
	    rule_order_make(x->f, &x->rules))
		return -ENOMEM;
	chain_hooks_find(x->f, x->reach);
	if (chain_hooks_early(x->f, x->early))
		return -ENOMEM;
	replace_rejects(x);
	if (strays_find(x))
		return -ENOMEM;
	for (uint32_t i = 0; i < x->f->n_rules; i++) {
		if (!(x->f->rules[i].features & FEATURE_BIT(NOTRACK)) ||
		    foreign_is_gone(&x->f->rules[i]))
			continue;
		if (mem_grow(&x->notrack, &x->cap_notrack, x->n_notrack + 1))
			return -ENOMEM;
		x->notrack[x->n_notrack++] = i;
	}
	for (size_t i = 0; x->how->text && i < x->f->n_rules; i++)
		if (!foreign_is_gone(&x->f->rules[i]))
			x->counted[x->f->rules[i].chain] |=
				text_of(x, &x->f->rules[i]) == TEXT_COUNTS;
	return 0;
}

int replace_find(struct arena *a, const struct foreign *f,
		 const struct replace_how *how, struct stateless *ret)
{
	_cleanup_(stateless_release) struct stateless out = { 0 };
	_cleanup_(replacing_release) struct replacing x = {
		.a = a, .kept = a, .f = f, .how = how, .out = &out,
	};
	int err = begin(&x);

	if (!err)
		err = replace_families(&x);
	if (err || x.lost)
		return err ? err : -ENOMEM;
	stateless_sort(&out);
	*ret = out;
	out = (struct stateless){ 0 };
	return 0;
}
