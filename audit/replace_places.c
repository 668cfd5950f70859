/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/replace_places.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "core/intern.h"
#include "core/mem.h"

#define NAME_MAX_XT 28		/* XT_EXTENSION_MAXNAMELEN less NUL */

/* In the order of which a chain that several reach is the one of the first. */
static const struct {
	const char *suffix;
	uint8_t hook;
} hooks[] = {
	{ "input", NF_INET_LOCAL_IN },
	{ "forward", NF_INET_FORWARD },
	{ "output", NF_INET_LOCAL_OUT },
	{ "pre", NF_INET_PRE_ROUTING },
	{ "post", NF_INET_POST_ROUTING },
};

/* FOREIGN_NOWHERE of a rule that is gone, too. */
static uint32_t target_of(const struct foreign *f, const struct foreign_rule *r)
{
	const struct foreign_outcome v = { r->verdict, r->target };

	return foreign_is_gone(r) ? FOREIGN_NOWHERE :
				    foreign_leads_to(f, r, &v);
}

bool replace_resets(const struct replacing *x)
{
	const struct foreign *f = x->f;

	for (size_t i = 0; i < f->n_rules; i++) {
		const struct foreign_rule *r = &f->rules[i];

		if (r->verdict == FOREIGN_REJECT && !foreign_is_gone(r) &&
		    (memmem(r->raw.s, r->raw.n, "tcp-reset", 9) ||
		     memmem(r->raw.s, r->raw.n, "tcp-rst", 7) ||
		     memmem(r->raw.s, r->raw.n, "tcp reset", 9)))
			return true;
	}
	return false;
}

bool replace_is_one(const struct job *j, const struct zone *z)
{
	for (size_t i = 0; i < ZONE_MAX_; i++)
		if (z->dim[i].n > 1 &&
		    !spans_within(&j->e.own.dim[i], &z->dim[i]))
			return false;
	return true;
}

static bool is_shared(const struct replacing *x, size_t chain)
{
	uint8_t bits = x->reach[chain];

	return bits & (bits - 1);
}

/* The hook for which the chain stays where it is. */
static uint8_t home_of(const struct replacing *x, size_t chain)
{
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		if (x->reach[chain] >> hooks[i].hook & 1)
			return hooks[i].hook;
	return NF_INET_FORWARD;
}

/* Chains whose rules differ from hook to hook, and those that lead there. */
static void find_split(const struct replacing *x, size_t first, bool *split)
{
	const struct foreign *f = x->f;
	bool changed = true;

	for (size_t i = first; i < x->out->n_edits; i++) {
		const struct stateless_edit *e = &x->out->edits[i];

		split[e->chain] |= e->depends && is_shared(x, e->chain);
	}
	while (changed) {
		changed = false;
		for (size_t i = 0; i < f->n_rules; i++) {
			const struct foreign_rule *r = &f->rules[i];
			uint32_t to = target_of(f, r);

			if (to == FOREIGN_NOWHERE || !split[to] ||
			    split[r->chain] || !is_shared(x, r->chain))
				continue;
			split[r->chain] = changed = true;
		}
	}
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

static bool is_taken(const struct stateless *s, const char *name)
{
	for (size_t i = 0; i < s->n_copies; i++)
		if (s->copies[i].name == name)
			return true;
	return false;
}

static int add_copies(struct replacing *x, uint32_t chain)
{
	struct stateless *s = x->out;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		struct stateless_copy c = { .chain = chain,
					    .hook = hooks[i].hook };

		if (!(x->reach[chain] >> c.hook & 1) ||
		    c.hook == home_of(x, chain))
			continue;
		c.name = copy_name(x->f, chain, hooks[i].suffix);
		/* long names that begin alike */
		for (unsigned int n = 2; c.name && is_taken(s, c.name); n++)
			c.name = intern_printf("ctp-%u-%u-%s", chain, n,
					       hooks[i].suffix);
		if (!c.name ||
		    mem_grow(&s->copies, &s->cap_copies, s->n_copies + 1))
			return -ENOMEM;
		s->copies[s->n_copies++] = c;
	}
	return 0;
}

/* Of a chain that stays one, the edits for its first hook alone. */
static void drop_others(struct replacing *x, size_t first, const bool *split)
{
	struct stateless *s = x->out;
	size_t n = first;

	for (size_t i = first; i < s->n_edits; i++) {
		const struct stateless_edit *e = &s->edits[i];

		if (e->hook == home_of(x, e->chain) || split[e->chain])
			s->edits[n++] = *e;
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

static bool lets_begin(const struct replacing *x, const struct foreign_rule *r)
{
	const struct host_chain *c = &x->f->chains[r->chain];
	uint8_t states = zone_rule_states(x->f, r);
	/* from a base chain, to its policy */
	bool leaves = c->hook && (r->verdict == FOREIGN_RETURN ||
				  r->verdict == FOREIGN_GOTO) &&
		      !foreign_drops_rest(c);

	return (r->verdict == FOREIGN_ACCEPT || leaves) &&
	       !foreign_is_gone(r) &&
	       x->reach[r->chain] >> NF_INET_LOCAL_OUT & 1 &&
	       (!r->n_states || states & STATE_NEW);
}

/* Nothing on loopback is remembered: its answers have an interface. */
static int datagrams(struct replacing *x, const struct zone *own,
		     struct zone *ret)
{
	const uint32_t udp[][2] = { { PROTO_UDP, PROTO_UDP } };

	return zone_limit(x->a, own, ZONE_PROTO, udp, 1, false, ret);
}

static int remember_rule(struct replacing *x, size_t first, size_t end,
			 uint32_t rule, const bool *split)
{
	const struct foreign_rule *r = &x->f->rules[rule];
	struct stateless_edit e = {
		.rule = rule, .chain = r->chain, .family = x->family,
		.stays = true,
	}, *there;
	struct stateless_rule put = { .does = DO_REMEMBER };
	struct zone_asked asked;
	int err;

	e.hook = split[r->chain] ? NF_INET_LOCAL_OUT : home_of(x, r->chain);
	err = zone_of_rule(x->a, x->f, r, x->family, &e.own, &asked);
	if (!err)
		err = datagrams(x, &e.own, &put.zone);
	if (err || !asked.takes || (asked.flags && !asked.takes_syn) ||
	    zone_is_empty(&put.zone))
		return err;
	/* what counts must not count twice */
	put.own = !asked.limited;
	there = edit_of(x, first, end, rule, e.hook);
	return there ? prepend(x, there, &put) : add_edit(x, e, put);
}

static int remember_rest(struct replacing *x, uint32_t chain)
{
	struct stateless_edit e = {
		.rule = FOREIGN_NOWHERE, .chain = chain,
		.hook = NF_INET_LOCAL_OUT, .family = x->family,
		.stays = true, .own = zone_all(x->family),
	};
	struct stateless_rule put = { .does = DO_REMEMBER };
	int err = datagrams(x, &e.own, &put.zone);

	return err ? err : add_edit(x, e, put);
}

/* Where datagrams leave that may begin something. */
static int remember(struct replacing *x, size_t first, const bool *split)
{
	const struct foreign *f = x->f;
	size_t end = x->out->n_edits;
	uint32_t table = FOREIGN_NOWHERE, chain;
	int err = 0;

	for (size_t i = first; i < end && table == FOREIGN_NOWHERE; i++)
		table = f->chains[x->out->edits[i].chain].table;
	chain = replace_main_chain(x, table, NF_INET_LOCAL_OUT);
	if (chain == FOREIGN_NOWHERE)
		return 0;
	table = f->chains[chain].table;
	for (uint32_t i = 0; !err && i < f->n_rules; i++)
		if (f->chains[f->rules[i].chain].table == table &&
		    lets_begin(x, &f->rules[i]))
			err = remember_rule(x, first, end, i, split);
	if (!err && !foreign_drops_rest(&f->chains[chain]))
		err = remember_rest(x, chain);
	return err;
}

int replace_places(struct replacing *x, size_t first)
{
	struct stateless *s = x->out;
	_cleanup_free_ bool *split = calloc(x->f->n_chains + 1,
					    sizeof(*split));
	int err = split ? 0 : -ENOMEM;

	if (err)
		return err;
	find_split(x, first, split);
	drop_others(x, first, split);
	for (uint32_t c = 0; !err && c < x->f->n_chains; c++) {
		s->hooks[c] = home_of(x, c);
		if (split[c])
			err = add_copies(x, c);
	}
	if (!err && x->peers)
		err = remember(x, first, split);
	return err;
}
