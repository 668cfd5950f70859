/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_survey.c: which of the host's chains drop what, and whose
 * they are.
 */
#include <string.h>

#include "backends/nft/nft_world.h"
#include "core/mem.h"

/* The world, as chains that jump to each other, and who reads its sets. */
struct search {
	struct nft_world *world;
	struct reach_graph graph;
	int (*read_set)(const struct nft_foreign *f, const char *set,
			nft_take_fn *take, void *taker, void *arg);
	void *arg;
};

/* Whose elements are being taken. */
struct taker {
	struct nft_foreign *f;
	size_t way;
	struct nft_hull hull;
};

static int take_verdict(const struct nlattr *elem, void *arg)
{
	const struct taker *t = arg;

	return nft_world_add_verdict(t->f, t->way, elem);
}

static int take_port(const struct nlattr *elem, void *arg)
{
	struct taker *t = arg;

	nft_hull_add(&t->hull, elem);
	return 0;
}

static int take_verdicts(const struct nlmsghdr *nlh, void *arg)
{
	return nft_elems_each(nlh, take_verdict, arg);
}

static int take_ports(const struct nlmsghdr *nlh, void *arg)
{
	return nft_elems_each(nlh, take_port, arg);
}

/* Narrow the way to the ports of its set; false: no packet is left. */
static int narrow(struct search *s, struct nft_foreign *f, size_t i)
{
	struct taker t = { .f = f };
	struct reach when = f->ways[i].when;
	int err;

	if (!f->ways[i].ports)
		return 0;
	err = s->read_set(f, f->ways[i].ports, take_ports, &t, s->arg);
	if (err)
		return err;
	if (reach_narrow_ports(f->ways[i].source ? &when.sport : &when.dport,
			       nft_hull_ports(&t.hull)))
		f->ways[i].when = when;
	f->ways[i].ports = NULL;
	return 0;
}

static int follow(struct search *s, struct nft_foreign *f, size_t i,
		  struct reach_chain *c)
{
	const struct nft_way *way = &f->ways[i];
	struct taker t = { .f = f, .way = i };
	const struct nft_foreign *to;

	switch (way->kind) {
	case WAY_DROP:
		reach_set_add(&c->drops, &way->when);
		return 0;
	case WAY_VMAP:
		return s->read_set(f, way->name, take_verdicts, &t, s->arg);
	case WAY_JUMP:
		to = nft_world_find(s->world, f->family, f->table, way->name);
		return to ? reach_chain_add_jump(c, (size_t)(to - s->world->v),
						 &way->when) : 0;
	case WAY_MAX_:
		break;
	}
	return 0;
}

/* Verdict maps add ways behind the last one: the loop meets them, too. */
static int load(struct reach_graph *g, size_t i, void *arg)
{
	struct search *s = arg;
	struct nft_foreign *f = &s->world->v[i];
	int err = 0;

	for (size_t k = 0; !err && k < f->n_ways; k++) {
		err = narrow(s, f, k);
		if (!err)
			err = follow(s, f, k, &g->v[i]);
	}
	for (size_t k = 0; k < f->drops.n; k++)
		reach_set_add(&g->v[i].drops, &f->drops.v[k]);
	if (f->drops.any)
		reach_set_add(&g->v[i].drops, &reach_any);
	return err;
}

/* What a packet in this base chain may be dropped for. */
static int search(struct search *s, size_t base, struct reach_set *ret)
{
	if (!s->world->v[base].policy_drop)
		return reach_search(&s->graph, base, ret);
	reach_set_add(ret, &reach_any);
	return 0;
}

static bool is_iptables(const struct nft_foreign *f)
{
	return f->base && nft_chain_is_iptables(f->family, f->table, f->chain);
}

static enum chain_owner owner_of(const struct nft_foreign *f)
{
	if (!strcmp(f->table, "firewalld"))
		return OWNER_FIREWALLD;
	return is_iptables(f) ? OWNER_IPTABLES_NFT : OWNER_NFT;
}

static int add_filter(struct survey *s, const struct nft_foreign *f,
		      const struct reach_set *drops)
{
	struct foreign_chain *c = survey_add(s);

	if (!c)
		return -ENOMEM;
	*c = (struct foreign_chain){
		.family = f->family, .table = f->table, .chain = f->chain,
		.hook = f->hook, .owner = owner_of(f),
		.port = f->port, .drops = *drops,
	};
	return 0;
}

static int add_place(struct survey *s, const struct nft_foreign *f)
{
	if (mem_grow(&s->places, &s->cap_places, s->n_places + 1))
		return -ENOMEM;
	s->places[s->n_places++] = (struct foreign_place){
		.family = f->family, .table = f->table, .chain = f->chain,
	};
	return 0;
}

static int survey_chain(struct search *s, size_t i, struct survey *ret)
{
	const struct nft_foreign *f = &s->world->v[i];
	struct reach_set drops = { 0 };
	int err = add_place(ret, f);

	ret->in_use |= f->n_rules || f->policy_drop;
	ret->iptables_nft |= is_iptables(f);
	ret->firewalld |= owner_of(f) == OWNER_FIREWALLD;
	ret->tracks |= f->tracks;
	ret->translates |= f->translates;
	if (!err && f->filter)
		err = search(s, i, &drops);
	if (err || (!drops.any && !drops.n))
		return err;
	return add_filter(ret, f, &drops);
}

int nft_survey(struct nft_world *w,
	       int (*read_set)(const struct nft_foreign *f, const char *set,
			       nft_take_fn *take, void *taker, void *arg),
	       void *arg, struct survey *ret)
{
	_cleanup_free_ struct reach_chain *v = calloc(w->n + 1, sizeof(*v));
	struct search s = {
		.world = w, .read_set = read_set, .arg = arg,
		.graph = { v, w->n, load, &s },
	};
	int err = v ? 0 : -ENOMEM;

	ret->knows_places = true;
	for (size_t i = 0; !err && i < w->n; i++)
		err = survey_chain(&s, i, ret);
	for (size_t i = 0; v && i < w->n; i++)
		reach_chain_release(&v[i]);
	return err;
}
