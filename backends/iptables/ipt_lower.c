/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/iptables/ipt_lower.c: which rules and sets the host must have. */
#include <string.h>

#include "backends/iptables/ipt.h"
#include "backends/iptables/ipt_ends.h"
#include "backends/iptables/ipt_group.h"
#include "backends/iptables/ipt_order.h"
#include "backends/iptables/ipt_timers.h"
#include "backends/lower/echo.h"
#include "backends/xtables/ipt_split.h"
#include "backends/xtables/xt.h"
#include "core/intern.h"
#include "core/mem.h"

static const struct origin nobody;

struct lowering {
	bool accepts;			/* one was written */
	struct fuse f;			/* groups of all places that share */
	struct ipt_shared shared;	/* sets of these */
	const struct stands *stands;	/* these; NULL: the built-in chains */
	struct image *img;
	struct diags *d;
};

static void release_groups(struct lowering *l)
{
	ipt_shared_release(&l->shared);
	fuse_release(&l->f);
}

/* One of ctpolicy's chains, and where the jump to it stands. */
struct spot {
	const struct ipt_place *place;
	uint8_t family;			/* AF_INET, AF_INET6 */
	const char *own, *chain;
	uint32_t behind;
	unsigned int number;
	unsigned int stand;		/* which of these; else 0 */
};

static bool belongs(const struct fuse_group *g, const struct spot *at)
{
	return g->place == at->stand && g->model.hook == at->place->hook &&
	       g->model.action == at->place->action &&
	       (g->family == AF_UNSPEC || g->family == at->family);
}

static struct image_rule *plain_rule(struct image_chain *c, uint8_t family,
				     enum verdict verdict)
{
	struct image_rule *r = image_add_rule(c);

	if (!r)
		return NULL;
	r->verdict = verdict;
	r->origin = &nobody;
	r->match.family = family;
	r->comment = strdup("ctpolicy");
	return r->comment ? r : NULL;
}

/* A plain interface that the group's member names. */
struct naming {
	const struct iface *iface;
	size_t member;
};

struct namings {
	struct naming *v;
	size_t n, cap;
};

static int by_iface(const void *pa, const void *pb)
{
	const struct naming *a = pa, *b = pb;
	int c = iface_cmp(a->iface, b->iface);

	return c ? c : (a->member > b->member) - (a->member < b->member);
}

static int list_namings(const struct fuse_group *g, struct namings *ret)
{
	for (size_t i = 0; i < g->n_members; i++) {
		const struct match *m = &g->members[i]->match;
		const struct iface_set *s = m->iif.n ? &m->iif : &m->oif;

		for (size_t k = 0; k < s->n; k++) {
			if (s->v[k].wild || !strcmp(s->v[k].name, "lo"))
				continue;
			if (mem_grow(&ret->v, &ret->cap, ret->n + 1))
				return -ENOMEM;
			ret->v[ret->n++] = (struct naming){ &s->v[k], i };
		}
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_iface);
	return 0;
}

/* An ipset has no field for an interface: a group of rules for each of them. */
static int emit_per_iface(struct ipt_group *g, const struct namings *of,
			  const struct rule **members)
{
	size_t i = 0;
	int err = 0;

	while (!err && i < of->n) {
		const struct naming *v = &of->v[i];
		size_t n = 0;

		g->iface = v->iface;
		g->members = members;
		g->n = 0;
		for (; i + n < of->n && !iface_cmp(v[n].iface, v->iface); n++)
			if (!n || v[n].member != v[n - 1].member)
				members[g->n++] = g->g->members[v[n].member];
		i += n;
		err = ipt_group_emit(g);
	}
	return err;
}

static int lower_per_iface(struct ipt_group *g)
{
	_cleanup_free_ const struct rule **members =
		malloc(g->g->n_members * sizeof(*members));
	struct namings of = { 0 };
	int err = members ? list_namings(g->g, &of) : -ENOMEM;

	if (!err)
		err = emit_per_iface(g, &of, members);
	free(of.v);
	return err;
}

static int need_timers(struct ipt_group *g)
{
	const struct rule *r = g->members[0];
	int err = ipt_timers_need(g->sets, g->g->model.then, g->family,
				  &g->timers);

	if (err == -FAULT_LACKING)
		diag_add(g->d, DIAG_ERROR, err, ID_TIMERS_TOO_MANY,
			 r->origin->at,
			 "the policy has more different timeouts of one protocol than iptables has names for");
	return err;
}

static int lower_group(struct lowering *l, size_t group,
		       const struct spot *at, struct image_chain *chain)
{
	const struct fuse_group *fg = &l->f.v[group];
	struct ipt_group g = {
		.g = fg, .f = &l->f, .index = group, .stands = l->stands,
		.place = at->place, .family = at->family, .chain = chain,
		.members = fg->members, .n = fg->n_members,
		.shared = &l->shared,
		.sets = image_find_table(l->img, NFPROTO_UNSPEC, IPT_SET_TABLE),
		.d = l->d,
	};
	int err = fg->model.action == ACTION_TIMERS ?
			  need_timers(&g) : 0;
	enum key_part last = fg->n_parts ? fg->part[fg->n_parts - 1] :
					   KEY_PART_MAX_;

	if (err)
		return err;
	if (last == KEY_IIFNAME || last == KEY_OIFNAME)
		return lower_per_iface(&g);
	return ipt_group_emit(&g);
}

/*
 * ip6tables has no word for "not the first fragment": first fragments leave
 * the chain before the rules for the others, which stand last.
 */
static int guard_fragments(const struct fuse_group *g, uint8_t family,
			   struct image_chain *c, bool *done)
{
	struct image_rule *r;

	if (!g->model.match.fragment_tail || family != AF_INET6 || *done)
		return 0;
	*done = true;
	r = plain_rule(c, family, VERDICT_RETURN);
	if (!r)
		return -ENOMEM;
	r->match.fragment_tail = true;
	return 0;
}

/* `ct`: what is tracked pays for the jump alone, however many rules follow. */
static int add_jump(struct image_table *t, const struct spot *at,
		    enum ct_kind ct)
{
	struct image_chain *c = image_find_chain(t, at->chain);
	struct image_rule *r;

	if (!c)
		c = image_add_chain(t, at->chain, at->place->hook);
	if (!c)
		return -ENOMEM;
	c->foreign = true;
	r = plain_rule(c, at->family, VERDICT_JUMP);
	if (!r)
		return -ENOMEM;
	r->match.ct = ct;
	r->place = at->behind;
	r->target = at->own;
	return 0;
}

/* Finding or making the table may move the others: look it up each time. */
static struct image_table *table_of(struct image *img, uint8_t family,
				    const char *name)
{
	uint8_t nf = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct image_table *t = image_find_table(img, nf, name);

	return t ? t : image_add_table(img, nf, name);
}

static struct image_table *spot_table(const struct lowering *l,
				      const struct spot *at)
{
	return table_of(l->img, at->family, at->place->table);
}

static struct image_chain *find_chain(const struct lowering *l,
				      const struct spot *at)
{
	return image_find_chain(spot_table(l, at), at->own);
}

/* ctpolicy's chain, made when it is first needed. */
static struct image_chain *own_chain(struct lowering *l, const struct spot *at)
{
	struct image_table *t = spot_table(l, at);

	l->accepts |= at->place->action == ACTION_ACCEPT;
	return t ? image_add_chain(t, at->own, HOOK_MAX_) : NULL;
}

static int settle(const struct image_table *t, const char *words, char **ret)
{
	return xt_settle(t->family, words, ret);
}

/* What the kernel has no words for is left out: pre-flight finds what for. */
static int lower_turn(struct lowering *l, size_t group,
		      const struct spot *at)
{
	const struct fuse_group *g = &l->f.v[group];
	struct image_table *t = spot_table(l, at);
	const char *echo = NULL;
	struct image_chain *c;
	size_t first;
	bool words = g->model.then && g->model.action == ACTION_ACCEPT;
	int err = words ? lower_echo(t, at->own, at->family, &g->model,
					     settle, &echo) : 0;

	if (err)
		return err == -EOPNOTSUPP ? 0 : err;
	c = image_find_chain(t, at->own);
	first = c->n_rules;
	err = lower_group(l, group, at, c);
	if (!err && echo)
		image_lead_to(c, first, echo);
	return err;
}

/* A packet of two services is counted for both, if any is counted. */
static int end_rules(struct lowering *l, const struct spot *at, bool counts)
{
	return at->place->action != ACTION_NOTRACK || counts ? 0 :
	       ipt_ends_put(spot_table(l, at), at->own);
}

static int lower_spot(struct lowering *l, const struct spot *at)
{
	_cleanup_(ipt_order_release) struct ipt_order order = { 0 };
	enum ct_kind ct = CT_UNTRACKED;
	bool guarded = false, counts = false;
	int err = 0;

	for (size_t i = 0; !err && i < l->f.n; i++)
		if (belongs(&l->f.v[i], at))
			err = ipt_order_add(&order, &l->f, i);
	if (err || !order.n)
		return err;
	ipt_order_sort(&order);
	if (!own_chain(l, at))
		return -ENOMEM;
	for (size_t i = 0; !err && i < order.n; i++) {
		const struct fuse_group *g = &l->f.v[order.v[i].group];

		ct = ct_kind_of_both(ct, g->model.match.ct);
		counts |= g->model.counts;
		err = guard_fragments(g, at->family, find_chain(l, at),
				      &guarded);
		if (!err)
			err = lower_turn(l, order.v[i].group, at);
	}
	if (!err)
		err = end_rules(l, at, counts);
	return err ? err : add_jump(spot_table(l, at), at, ct);
}

/*
 * What has an entry from one -j CT gets none from the next: timers come behind
 * all rules of the host's, which may give helpers, zones, or timers, and behind
 * all NOTRACK rules.
 *
 * Source: xt_ct_target() in net/netfilter/xt_CT.c.
 */
static uint32_t behind_of(const struct survey *host, const struct ipt_place *p,
			  uint8_t family)
{
	return !host || p->action != ACTION_TIMERS ? 0 :
	       host->raw_rules[family == AF_INET6][p->hook];
}

/* In the built-in chains, one jump for each hook and action. */
static int lower_places(struct lowering *l, const struct ruleset *rs,
			const struct survey *host, bool accepts)
{
	_cleanup_(ruleset_release) struct ruleset split = { 0 };
	int err = ipt_split(rs, &split);

	if (!err)
		err = fuse_rules(&split, &l->f);
	if (!err)
		err = fuse_share(&l->f);
	for (size_t i = 0; !err && i < IPT_PLACES; i++) {
		const struct ipt_place *p = &ipt_places[i];
		struct spot at = { .place = p, .own = p->own,
				   .chain = p->builtin, .number = 1 };

		if (p->action == ACTION_ACCEPT &&
		    (!accepts || strcmp(p->table, "filter")))
			continue;
		at.family = AF_INET;
		at.behind = behind_of(host, p, at.family);
		if (rs->ipv4)
			err = lower_spot(l, &at);
		at.family = AF_INET6;
		at.behind = behind_of(host, p, at.family);
		if (!err && rs->ipv6)
			err = lower_spot(l, &at);
	}
	return err;
}

static const struct ipt_place *place_of(const struct stand *s)
{
	for (size_t i = 0; i < IPT_PLACES; i++)
		if (ipt_places[i].hook == s->hook &&
		    ipt_places[i].action == ACTION_ACCEPT &&
		    !strcmp(ipt_places[i].table, s->table))
			return &ipt_places[i];
	return NULL;
}

static int lower_stand(struct lowering *l, unsigned int number)
{
	const struct stand *s = &l->stands->v[number];
	struct spot at = {
		.place = place_of(s), .chain = s->chain, .behind = s->behind,
		.family = s->family == NFPROTO_IPV4 ? AF_INET : AF_INET6,
		.number = s->number, .stand = number,
	};

	/* ctpolicy's chains are in raw and filter alone. */
	if (!at.place)
		return 0;
	at.own = s->number == 1 ? at.place->own :
				  intern_printf("%s-%u", at.place->own,
						s->number);
	return at.own ? lower_spot(l, &at) : -ENOMEM;
}

/* What the groups borrow from, one for each stand. */
struct splits {
	struct ruleset *v;
	size_t n;
};

static void release_splits(struct splits *s)
{
	for (size_t i = 0; i < s->n; i++)
		ruleset_release(&s->v[i]);
	free(s->v);
}

/* An ipset is in no table: all stands may share it. */
static int lower_stands(struct lowering *l, const struct stands *stands)
{
	_cleanup_(release_splits) struct splits split = {
		calloc(stands->n + 1, sizeof(*split.v)), stands->n,
	};
	int err = 0;

	if (!split.v) {
		split.n = 0;
		return -ENOMEM;
	}
	release_groups(l);
	l->stands = stands;
	for (unsigned int i = 0; !err && i < stands->n; i++) {
		if (stands->v[i].world != WORLD_LEGACY)
			continue;
		err = ipt_split(&stands->v[i].accepts, &split.v[i]);
		if (!err)
			err = fuse_add(&l->f, &split.v[i], i);
	}
	if (!err)
		err = fuse_share(&l->f);
	for (unsigned int i = 0; !err && i < stands->n; i++)
		if (stands->v[i].world == WORLD_LEGACY)
			err = lower_stand(l, i);
	release_groups(l);
	return err;
}

static int check_ifaces(const struct lowering *l, const struct rule *r)
{
	const struct iface_set *s = r->match.iif.n ? &r->match.iif :
						     &r->match.oif;

	for (size_t i = 0; i < s->n; i++) {
		const char *name = s->v[i].name;

		if (!s->v[i].wild && *name && name[strlen(name) - 1] == '+')
			return diag_add(l->d, DIAG_ERROR, -EOPNOTSUPP,
					ID_INTERFACE_NAME, r->origin->at,
					"iptables takes interface \"%s\" for a "
					"wild card", name);
	}
	return 0;
}

static int refuse_iptables_nft(const struct survey *host, struct diags *d)
{
	if (!host || !host->iptables_nft || host->in_use)
		return 0;
	diag_add(d, DIAG_ERROR, 0, ID_IPTABLES_NFT, NOPOS,
		 "this host uses iptables-nft; rules written to legacy "
		 "iptables would not show in 'iptables -S'");
	diag_help(d, "use --backend nftables");
	return -FAULT_CONFLICT;
}

static int lower_all(struct lowering *l, const struct ruleset *rs,
		     const struct survey *host, const struct stands *stands)
{
	int err = 0;

	if (!image_add_table(l->img, NFPROTO_UNSPEC, IPT_SET_TABLE))
		return -ENOMEM;
	for (size_t i = 0; !err && i < rs->n; i++)
		err = check_ifaces(l, &rs->v[i]);
	if (!err)
		err = lower_places(l, rs, host, !stands);
	if (stands && !err)
		err = lower_stands(l, stands);
	image_settle_jumps(l->img);
	return err ? err : image_normalize(l->img);
}

int ipt_lower(const struct ruleset *rs, const struct survey *host,
	      const struct stands *stands, struct image **ret,
	      struct diags *d)
{
	_cleanup_(image_free) struct image *img = NULL;
	struct lowering l = { .d = d };
	int err = refuse_iptables_nft(host, d);

	if (err)
		return err;
	img = l.img = image_new();
	if (!img)
		return -ENOMEM;
	err = lower_all(&l, rs, host, stands);
	release_groups(&l);
	if (err)
		return err;
	if (rs->wants_accepts && !l.accepts)
		survey_note_no_accepts("iptables", d);
	*ret = TAKE_PTR(img);
	return 0;
}
