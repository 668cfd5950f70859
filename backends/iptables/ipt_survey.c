/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/iptables/ipt_survey.c: which built-in chains drop what.
 */
#include "backends/iptables/ipt_survey.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "backends/iptables/ipt.h"
#include "core/intern.h"
#include "core/mem.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

struct chain {
	const char *name;		/* the key; the table's */
	size_t at;
	UT_hash_handle hh;
};

struct search {
	const struct ipt_legacy *t;
	struct reach_graph graph;
	struct chain *v, *by_name;
	size_t n;
	struct survey *survey;
};

/* The matches of an entry; what they say of ports narrows r. */
static void read_matches(const uint8_t *at, size_t n, struct reach *r,
			 bool *tracks)
{
	while (n >= sizeof(struct xt_entry_match)) {
		const struct xt_entry_match *m = (const void *)at;
		struct reach when = *r;
		size_t size = m->u.match_size;

		if (size < sizeof(*m) || size > n)
			return;
		*tracks |= reach_xt_tracks(m->u.user.name);
		if (reach_narrow_xt(&when, m->u.user.name, m->data,
				    size - sizeof(*m)))
			*r = when;
		at += size;
		n -= size;
	}
}

static struct reach read_entry(const struct search *s, const void *entry)
{
	const struct ipt_entry *v4 = entry;
	const struct ip6t_entry *v6 = entry;
	struct reach r = reach_any;

	if (s->t->family == NFPROTO_IPV4) {
		if (!(v4->ip.invflags & XT_INV_PROTO))
			r.proto = (uint8_t)v4->ip.proto;
		read_matches(v4->elems, v4->target_offset - sizeof(*v4), &r,
			     &s->survey->tracks);
	} else {
		if ((v6->ipv6.flags & IP6T_F_PROTO) &&
		    !(v6->ipv6.invflags & XT_INV_PROTO))
			r.proto = (uint8_t)v6->ipv6.proto;
		read_matches(v6->elems, v6->target_offset - sizeof(*v6), &r,
			     &s->survey->tracks);
	}
	return r;
}

static int load(struct reach_graph *g, size_t i, void *arg)
{
	struct search *s = arg;
	const char *name = s->v[i].name;
	int err = 0;

	for (const void *e = ipt_legacy_first_rule(s->t, name); e && !err;
	     e = ipt_legacy_next_rule(s->t, e)) {
		const char *target = ipt_legacy_target(s->t, e);
		struct reach r = read_entry(s, e);
		struct chain *to;

		s->survey->tracks |= reach_xt_tracks(target);
		s->survey->translates |= reach_xt_translates(target);
		if (!strcmp(target, "DROP") || !strcmp(target, "REJECT")) {
			reach_set_add(&g->v[i].drops, &r);
			continue;
		}
		HASH_FIND_STR(s->by_name, target, to);
		if (to)
			err = reach_chain_add_jump(&g->v[i], to->at, &r);
	}
	return err;
}

/* Ours are left out: they drop nothing, and what they match is no matter. */
static int list_chains(struct search *s)
{
	size_t cap = 0;

	for (const char *c = ipt_legacy_first_chain(s->t); c;
	     c = ipt_legacy_next_chain(s->t)) {
		if (ipt_chain_is_ours(c))
			continue;
		if (mem_grow(&s->v, &cap, s->n + 1))
			return -ENOMEM;
		s->v[s->n] = (struct chain){ .name = c, .at = s->n };
		s->n++;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct chain *c = &s->v[i];

		HASH_ADD_KEYPTR(hh, s->by_name, c->name, strlen(c->name), c);
		/* HASH_NONFATAL_OOM: it did not get in. */
		if (!c->hh.tbl)
			return -ENOMEM;
	}
	return 0;
}

static int add_filter(const struct search *s, size_t i, enum hook hook,
		      const struct reach_set *drops, struct survey *ret)
{
	struct foreign_chain *f = survey_add(ret);

	if (!f)
		return -ENOMEM;
	f->family = s->t->family;
	f->hook = hook;
	f->owner = OWNER_IPTABLES_LEGACY;
	f->drops = *drops;
	f->table = intern(s->t->name);
	f->chain = intern(s->v[i].name);
	return f->table && f->chain ? 0 : -ENOMEM;
}

/* Drops ahead of conntrack, and those of nat, are in no accept rule's way. */
static bool filters(const struct search *s, enum hook hook)
{
	return strcmp(s->t->name, "raw") && strcmp(s->t->name, "nat") &&
	       (hook == HOOK_INPUT || hook == HOOK_FORWARD ||
		hook == HOOK_OUTPUT);
}

static int survey_chain(struct search *s, size_t i, struct survey *ret)
{
	const char *policy = ipt_legacy_policy(s->t, s->v[i].name);
	enum hook hook = ipt_builtin_hook(s->v[i].name);
	struct reach_set drops = { 0 };
	int err = 0;

	/* Each chain is read once at least: rules may need tracking. */
	if (!s->graph.v[i].loaded)
		err = load(&s->graph, i, s);
	s->graph.v[i].loaded = true;
	if (err || !policy || !filters(s, hook))
		return err;
	if (strcmp(policy, "ACCEPT"))
		reach_set_add(&drops, &reach_any);
	else
		err = reach_search(&s->graph, i, &drops);
	if (err || (!drops.any && !drops.n))
		return err;
	return add_filter(s, i, hook, &drops, ret);
}

int ipt_survey_table(const struct ipt_legacy *t, struct survey *ret)
{
	struct search s = { .t = t, .survey = ret };
	int err = list_chains(&s);

	if (!err)
		s.graph = (struct reach_graph){
			calloc(s.n + 1, sizeof(*s.graph.v)), s.n, load, &s,
		};
	if (!err && !s.graph.v)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < s.n; i++)
		err = survey_chain(&s, i, ret);
	for (size_t i = 0; s.graph.v && i < s.n; i++)
		reach_chain_release(&s.graph.v[i]);
	HASH_CLEAR(hh, s.by_name);
	free(s.graph.v);
	free(s.v);
	return err;
}
