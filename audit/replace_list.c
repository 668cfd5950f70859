/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/replace_list.c: lists of replacing rules, and what they are made of. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "audit/chain_hooks.h"
#include "audit/replace_parts.h"
#include "core/intern.h"
#include "core/mem.h"

#define NEAR_MAX 64		/* rules that a new one is compared with */
#define INNER_MAX 100000	/* rules in all new chains: list_too_long() */

static bool does_the_same(const struct stateless_rule *a,
			  const struct stateless_rule *b)
{
	return a->own == b->own && a->asks == b->asks && a->mask == b->mask &&
	       a->flags == b->flags && a->does == b->does &&
	       a->chain == b->chain && a->verdict == b->verdict &&
	       a->target == b->target;
}

static bool is_same(const struct stateless_rule *a,
		    const struct stateless_rule *b)
{
	return does_the_same(a, b) && zone_within(&a->zone, &b->zone);
}

/* A set holds what differs in one field alone. */
static int join_last(struct job *j, struct rule_list *l)
{
	struct stateless_rule *a = l->n > 1 ? &l->v[l->n - 2] : NULL;
	const struct stateless_rule *b = a + 1;
	struct zone both[2];
	struct zones z = { both, 2 };
	int err;

	if (!a || !does_the_same(a, b))
		return 0;
	both[0] = a->zone;
	both[1] = b->zone;
	err = zones_join(j->x->a, &z);
	if (err || z.n > 1)
		return err;
	a->zone = both[0];
	l->n--;
	return 0;
}

/* What no packet of the rule is in needs no rule, nor what was said before. */
int list_put(struct job *j, struct rule_list *l, struct stateless_rule r)
{
	int err;

	if (zone_is_empty(&r.zone) || !zone_meets(&r.zone, &j->e.own))
		return 0;
	err = zone_intersect(j->x->a, &r.zone, &j->e.own, &r.zone);
	return err ? err : list_add(j, l, r);
}

int list_add(struct job *j, struct rule_list *l, struct stateless_rule r)
{
	if (j->mapped && r.does == DO_TARGET) {
		r.verdict = j->verdict;
		r.target = j->target;
	}
	for (size_t i = 0; i < l->n && i < NEAR_MAX; i++)
		if (is_same(&r, &l->v[i]))
			return 0;
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n++] = r;
	l->added++;
	return job_has_sets(j) ? join_last(j, l) : 0;
}

static const char *free_name(struct replacing *x, uint32_t table)
{
	const char *name;

	do {
		name = intern_printf("ctp-%u", ++x->n_names);
	} while (name &&
		 foreign_find_chain(x->f, table, name) != FOREIGN_NOWHERE);
	return name;
}

int list_chain(struct job *j, struct rule_list *l, uint32_t *ret)
{
	struct stateless *s = j->x->out;
	uint32_t table = j->x->f->chains[j->r->chain].table;
	struct stateless_chain c = { .rule = j->rule, .hook = j->hook,
				     .own = j->e.own,
				     .first = (uint32_t)s->n_inner,
				     .n = (uint32_t)l->n };

	if (s->n_inner + l->n > INNER_MAX) {
		j->x->full = true;
		return -E2BIG;
	}
	c.like = (uint32_t)s->n_chains;
	c.number = c.like - j->e.first_chain;

	c.name = free_name(j->x, table);
	if (!c.name || mem_grow(&s->chains, &s->cap_chains, s->n_chains + 1) ||
	    mem_grow(&s->inner, &s->cap_inner, s->n_inner + l->n))
		return -ENOMEM;
	if (l->n)
		memcpy(s->inner + s->n_inner, l->v, l->n * sizeof(*l->v));
	s->n_inner += l->n;
	s->chains[s->n_chains] = c;
	*ret = (uint32_t)s->n_chains++;
	return 0;
}

const char *list_too_long(const struct job *j)
{
	if (j->x->full)
		return "would take more than 100000 new rules, together with the others";
	return job_has_flows(j) ?
		"has states that no short list of rules can stand for" :
		"stands ahead of routing or behind it, where rules tell what is new of tcp and icmp alone";
}

void list_release(struct rule_list *l)
{
	free(l->v);
	*l = (struct rule_list){ 0 };
}

int job_proto(const struct job *j, uint32_t proto, struct zone *ret)
{
	const uint32_t v[][2] = { { proto, proto } };

	return zone_limit(j->x->a, &j->e.own, ZONE_PROTO, v, 1, false, ret);
}

int job_not_proto(const struct job *j, uint32_t proto, struct zone *ret)
{
	const uint32_t v[][2] = { { proto, proto } };

	return zone_limit(j->x->a, &j->e.own, ZONE_PROTO, v, 1, true, ret);
}

#define TYPES_MAX 3

/* RFC 792, RFC 950, RFC 4443, RFC 4620, RFC 4861, RFC 3810, RFC 4286. */
static const struct {
	uint32_t v[TYPES_MAX][2];
	size_t n;
} icmp_groups[][2] = {	/* of ICMP and ICMPv6 */
	[ICMP_ERRORS] = { { { { 3, 3 }, { 11, 12 } }, 2 },
			  { { { 1, 4 } }, 1 } },
	[ICMP_REQUESTS] = { { { { 8, 8 }, { 13, 13 }, { 17, 17 } }, 3 },
			    { { { 128, 128 }, { 139, 139 } }, 2 } },
	[ICMP_REPLIES] = { { { { 0, 0 }, { 14, 14 }, { 18, 18 } }, 3 },
			   { { { 129, 129 }, { 140, 140 } }, 2 } },
	[ICMP_NEVER] = { { { { 5, 5 }, { 9, 10 } }, 2 },
			 { { { 137, 137 } }, 1 } },
	[ICMP_UNTRACKED] = { { { { 0 } }, 0 },
			     { { { 130, 136 }, { 143, 143 }, { 151, 151 } },
			       3 } },
};

int icmp_group_within(struct arena *a, const struct zone *z,
		      enum icmp_group group, struct zone *ret)
{
	bool v6 = z->family != NFPROTO_IPV4;
	uint32_t icmp = v6 ? PROTO_ICMPV6 : PROTO_ICMP;
	const uint32_t proto[][2] = { { icmp, icmp } };
	int err = zone_limit(a, z, ZONE_PROTO, proto, 1, false, ret);

	return err ? err : zone_limit(a, ret, ZONE_ICMP,
				      icmp_groups[group][v6].v,
				      icmp_groups[group][v6].n, false, ret);
}

int job_icmp_group(const struct job *j, enum icmp_group group, struct zone *ret)
{
	return icmp_group_within(j->x->a, &j->e.own, group, ret);
}

static bool drops_or_decides(const struct host_chain *c)
{
	return c->n_rules || foreign_drops_rest(c);
}

/* Of this table if it filters there, else of one called "filter", else any. */
uint32_t replace_main_chain(const struct replacing *x, uint32_t table,
			    uint8_t hook)
{
	const struct foreign *f = x->f;
	uint32_t found = FOREIGN_NOWHERE;
	unsigned int best = 0;

	for (uint32_t c = 0; c < f->n_chains; c++) {
		const struct host_chain *h = &f->chains[c];
		const struct foreign_table *t = &f->tables[h->table];
		unsigned int rank = 1;

		if (chain_hook(h) != hook ||
		    (h->type && !strcmp(h->type, "nat")) ||
		    !foreign_takes_part(t, x->family))
			continue;
		rank += drops_or_decides(h) ? 4 : 0;
		rank += h->table == table ? 2 : 0;
		rank += !strcmp(t->name, "filter") ? 1 : 0;
		if (rank > best) {
			best = rank;
			found = c;
		}
	}
	return found;
}

int replace_view(struct replacing *x, uint32_t chain, struct view **ret)
{
	struct view *v = &x->views[chain];
	int err = 0;

	if (!v->known)
		err = first_find(x->kept, x->f, &x->rules, chain, x->family,
				 STATE_NEW, &v->fresh);
	if (!err && !v->known)
		err = first_find(x->kept, x->f, &x->rules, chain, x->family,
				 STATE_ESTABLISHED, &v->established);
	if (err)
		return err;
	v->known = true;
	*ret = v;
	return 0;
}
