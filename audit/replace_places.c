/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/replace_places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "audit/chain_hooks.h"
#include "audit/replace_notes.h"
#include "audit/replace_split.h"
#include "core/intern.h"
#include "core/mem.h"

#define NAME_MAX_XT 28		/* XT_EXTENSION_MAXNAMELEN less NUL */

static bool sends_reset(const struct foreign_rule *r)
{
	return r->verdict == FOREIGN_REJECT && !foreign_is_gone(r) &&
	       (foreign_text_has(&r->raw, "tcp-reset") ||
		foreign_text_has(&r->raw, "tcp-rst") ||
		foreign_text_has(&r->raw, "tcp reset"));
}

void replace_rejects(struct replacing *x)
{
	const struct foreign *f = x->f;

	for (size_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (r->verdict != FOREIGN_REJECT || foreign_is_gone(r))
			continue;
		x->rejects = true;
		if (!sends_reset(r))
			x->refuses |= x->reach[r->chain];
	}
}

/*
 * The kernel ties its reset to the connection of what it answers, and that of
 * an invalid packet, or of one taken out, to none (nf_ct_attach()): only those
 * for new and established packets are RELATED.
 */
static int find_resets(struct replacing *x, uint32_t chain)
{
	const struct host_chain *c = &x->f->chains[chain];
	uint8_t hook = chain_hook(c);
	struct view *v = NULL;
	int err = 0;

	if (hook > NF_INET_POST_ROUTING ||
	    !foreign_takes_part(&x->f->tables[c->table], x->family))
		return 0;
	for (uint32_t i = 0; !err && i < x->f->n_rules; i++) {
		const struct foreign_rule *r = &x->f->rules[i];
		uint8_t states = r->n_states ? zone_rule_states(x->f, r) :
					       STATES_ALL;

		if (!sends_reset(r) || !(x->reach[r->chain] >> hook & 1))
			continue;
		err = v ? 0 : replace_view(x, chain, &v);
		if (!err && ((states & STATE_NEW &&
			      v->fresh.passed[i] == FIRST_MET) ||
			     (states & STATE_ESTABLISHED &&
			      v->established.passed[i] == FIRST_MET)))
			x->resets |= (uint8_t)(1u << hook);
	}
	return err;
}

int replace_resets(struct replacing *x, uint8_t *ret)
{
	int err = 0;

	if (!x->knows_resets)
		x->resets = 0;
	for (uint32_t c = 0; !err && !x->knows_resets && c < x->f->n_chains;
	     c++)
		err = find_resets(x, c);
	x->knows_resets = !err;
	*ret = x->resets;
	return err;
}

bool replace_is_one(const struct job *j, const struct zone *z)
{
	for (size_t i = 0; i < ZONE_MAX_; i++)
		if (z->dim[i].n > 1 &&
		    !spans_within(&j->e.own.dim[i], &z->dim[i]))
			return false;
	return true;
}

static const char *copy_name(const struct foreign *f, uint32_t chain,
			     const char *suffix)
{
	const char *name = f->chains[chain].name;
	size_t room = NAME_MAX_XT - strlen(suffix) - 1;
	const char *copy = intern_printf("%.*s-%s", (int)room, name, suffix);

	for (unsigned int n = 2; copy &&
	     foreign_find_chain(f, f->chains[chain].table, copy) !=
		     FOREIGN_NOWHERE; n++)
		copy = intern_printf("%.*s%u-%s", (int)room - 4, name, n,
				     suffix);
	return copy;
}

static bool is_taken(const struct replacing *x, uint32_t chain,
		     const char *name)
{
	const struct stateless *s = x->out;

	for (size_t i = 0; i < s->n_copies; i++)
		if (s->copies[i].name == name &&
		    x->f->chains[s->copies[i].chain].table ==
			    x->f->chains[chain].table)
			return true;
	return false;
}

static int add_copies(struct replacing *x, uint32_t chain)
{
	struct stateless *s = x->out;

	for (size_t i = 0; i < SPLIT_HOOKS; i++) {
		const char *suffix = split_hooks[i].suffix;
		struct stateless_copy c = { .chain = chain,
					    .hook = split_hooks[i].hook };

		if (!(x->reach[chain] >> c.hook & 1) ||
		    c.hook == split_home(x, chain))
			continue;
		c.name = copy_name(x->f, chain, suffix);
		/* long names that begin alike */
		for (unsigned int n = 2;
		     c.name && is_taken(x, chain, c.name); n++)
			c.name = intern_printf("ctp-%u-%u-%s", chain, n,
					       suffix);
		if (!c.name ||
		    mem_grow(&s->copies, &s->cap_copies, s->n_copies + 1))
			return -ENOMEM;
		s->copies[s->n_copies++] = c;
	}
	return 0;
}

/* Of a chain that stays one, the edits for its first hook alone. */
static void drop_others(struct replacing *x, struct replaced *v,
			size_t n_parts)
{
	struct stateless *s = x->out;
	size_t n = 0;

	for (size_t k = 0; k < n_parts; k++) {
		size_t first = v[k].first, end = v[k].end;

		v[k].first = n;
		for (size_t i = first; i < end; i++) {
			const struct stateless_edit *e = &s->edits[i];

			if (e->left || e->hook == split_home(x, e->chain) ||
			    x->split[e->chain])
				s->edits[n++] = *e;
		}
		v[k].end = n;
	}
	s->n_edits = n;
}

static int add_edit(struct replacing *x, struct stateless_edit e,
		    struct stateless_rule r)
{
	struct stateless *s = x->out;

	if (mem_grow(&s->edits, &s->cap_edits, s->n_edits + 1) ||
	    mem_grow(&s->rules, &s->cap_rules, s->n_rules + 1))
		return -ENOMEM;
	e.first = (uint32_t)s->n_rules;
	e.n = 1;
	s->rules[s->n_rules++] = r;
	s->edits[s->n_edits++] = e;
	return 0;
}

/* Ahead of what the edit has; its rules move to the end of the array. */
static int prepend(struct replacing *x, struct stateless_edit *e,
		   const struct stateless_rule *r)
{
	struct stateless *s = x->out;
	size_t n = e->n;

	if (mem_grow(&s->rules, &s->cap_rules, s->n_rules + n + 1))
		return -ENOMEM;
	s->rules[s->n_rules] = *r;
	memcpy(s->rules + s->n_rules + 1, s->rules + e->first,
	       n * sizeof(*s->rules));
	e->first = (uint32_t)s->n_rules;
	e->n = (uint32_t)n + 1;
	s->n_rules += n + 1;
	return 0;
}

/* Those from first to end are in the order of the rules. */
static struct stateless_edit *edit_of(struct replacing *x, size_t first,
				      size_t end, uint32_t rule, uint8_t hook)
{
	struct stateless_edit *e = x->out->edits;
	size_t lo = stateless_first(x->out, first, end, rule);

	while (lo < end && e[lo].rule == rule && e[lo].hook != hook)
		lo++;
	return lo < end && e[lo].rule == rule ? &e[lo] : NULL;
}

/* An accepting rule; or from a base chain, to its policy. */
static bool lets_begin(const struct replacing *x, const struct foreign_rule *r,
		       const struct zone_part *p)
{
	const struct host_chain *c = &x->f->chains[r->chain];
	bool leaves = c->hook && (p->verdict == FOREIGN_RETURN ||
				  p->verdict == FOREIGN_GOTO) &&
		      !foreign_drops_rest(c);

	return p->verdict == FOREIGN_ACCEPT || leaves;
}

static int datagrams(struct replacing *x, const struct zone *own,
		     struct zone *ret)
{
	const uint32_t udp[][2] = { { PROTO_UDP, PROTO_UDP } };

	return zone_limit(x->a, own, ZONE_PROTO, udp, 1, false, ret);
}

/* Where datagrams leave that may begin something. */
struct remembering {
	struct replacing *x;
	const struct replaced *part;
};

static int put_remember(const struct remembering *m, uint32_t rule,
			const struct zone_asked *asked,
			const struct zone_part *p)
{
	struct replacing *x = m->x;
	const struct foreign_rule *r = &x->f->rules[rule];
	struct stateless_edit e = {
		.rule = rule, .chain = r->chain, .family = x->family,
		.stays = true, .takes = true,
	}, *there;
	/* what counts must not count twice */
	struct stateless_rule put = { .does = DO_REMEMBER,
				      .own = !asked->limited };
	int err = datagrams(x, &p->z, &put.zone);

	if (err || zone_is_empty(&put.zone))
		return err;
	e.hook = x->split[r->chain] ? NF_INET_LOCAL_OUT :
				      split_home(x, r->chain);
	err = zone_of_rule(x->a, x->f, r, x->family, &e.own,
			   &(struct zone_asked){ 0 });
	if (err)
		return err;
	there = edit_of(x, m->part->first, m->part->end, rule, e.hook);
	return there && there->kind != STATELESS_NONE ?
		       prepend(x, there, &put) : add_edit(x, e, put);
}

static int remember_rule(const struct remembering *m, uint32_t rule)
{
	struct replacing *x = m->x;
	const struct foreign_rule *r = &x->f->rules[rule];
	struct zone_parts l = { 0 };
	struct zone_asked asked;
	struct zone own;
	int err = zone_of_rule(x->a, x->f, r, x->family, &own, &asked);

	if (err || !asked.takes || (asked.flags && !asked.takes_syn))
		return err;
	err = zone_parts_of(x->a, x->f, r, &own, &asked, STATE_NEW, &l);
	for (size_t i = 0; !err && i < l.n; i++)
		if (lets_begin(x, r, &l.v[i]))
			err = put_remember(m, rule, &asked, &l.v[i]);
	return err;
}

static int remember_rest(const struct remembering *m, uint32_t chain)
{
	struct replacing *x = m->x;
	struct stateless_edit e = {
		.rule = FOREIGN_NOWHERE, .chain = chain,
		.hook = NF_INET_LOCAL_OUT, .family = x->family,
		.stays = true, .takes = true, .own = zone_all(x->family),
	};
	struct stateless_rule put = { .does = DO_REMEMBER };
	int err = datagrams(x, &e.own, &put.zone);

	return err ? err : add_edit(x, e, put);
}

static bool may_let_begin(const struct remembering *m, uint32_t table,
			  const struct foreign_rule *r)
{
	const struct foreign *f = m->x->f;

	return !foreign_is_gone(r) && f->chains[r->chain].table == table &&
	       m->x->reach[r->chain] >> NF_INET_LOCAL_OUT & 1 &&
	       (!r->n_states || zone_rule_states(f, r) & STATE_NEW);
}

static int remember(const struct remembering *m)
{
	struct replacing *x = m->x;
	const struct foreign *f = x->f;
	uint32_t table = FOREIGN_NOWHERE, chain;
	int err = 0;

	for (size_t i = m->part->first; i < m->part->end; i++)
		if (!replace_has_sets(x, x->out->edits[i].chain)) {
			table = f->chains[x->out->edits[i].chain].table;
			break;
		}
	chain = replace_main_chain(x, table, NF_INET_LOCAL_OUT);
	if (chain == FOREIGN_NOWHERE)
		return 0;
	table = f->chains[chain].table;
	for (uint32_t i = 0; !err && i < f->n_rules; i++)
		if (may_let_begin(m, table, &f->rules[i]))
			err = remember_rule(m, i);
	if (!err && !foreign_drops_rest(&f->chains[chain]))
		err = remember_rest(m, chain);
	return err;
}

static int remember_family(struct replacing *x, const struct replaced *part)
{
	const struct remembering m = { x, part };

	x->family = part->family;
	return part->peers ? remember(&m) : 0;
}

int replace_places(struct replacing *x, struct replaced *v, size_t n)
{
	struct stateless *s = x->out;
	int err = 0;

	drop_others(x, v, n);
	for (uint32_t c = 0; !err && c < x->f->n_chains; c++) {
		s->hooks[c] = split_home(x, c);
		if (x->split[c])
			err = add_copies(x, c);
	}
	for (size_t i = 0; !err && i < n; i++)
		if (!v[i].left)
			err = remember_family(x, &v[i]);
	return err ? err : notes_find_sets(x);
}
