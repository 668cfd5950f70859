/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/iptables/ipt_lower.c: which rules and sets the host must have. */
#include <string.h>

#include "backends/iptables/ipt.h"
#include "backends/iptables/ipt_group.h"
#include "backends/xtables/ipt_split.h"
#include "core/mem.h"

static const struct origin nobody;

struct lowering {
	const struct ruleset *rs;
	const struct survey *host;	/* NULL: no host in particular */
	bool accepts;			/* one was written */
	struct fuse fuse;
	struct image *img;
	struct diags *d;
};

static bool belongs(const struct fuse_group *g, const struct ipt_place *p,
		    uint8_t family)
{
	return g->model.hook == p->hook && g->model.action == p->action &&
	       (g->family == AF_UNSPEC || g->family == family);
}

/*
 * An accept rule works in its own table alone, and is for nothing where
 * nothing there drops: it would only switch connection tracking on.
 */
static bool is_needed(const struct lowering *l, const struct fuse_group *g,
		      const struct ipt_place *p, uint8_t family)
{
	uint8_t nf = family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (!l->host || p->action != ACTION_ACCEPT)
		return true;
	for (size_t i = 0; i < l->host->n_filters; i++) {
		const struct foreign_chain *f = &l->host->filters[i];

		if (f->family != nf || strcmp(f->table, p->table))
			continue;
		for (size_t k = 0; k < g->n_members; k++)
			if (foreign_chain_meets(f, g->members[k]))
				return true;
	}
	return false;
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

static int cmp_iface(const void *a, const void *b)
{
	return iface_cmp(a, b);
}

static bool has_iface(const struct rule *r, const struct iface *i)
{
	const struct iface_set *s = r->match.iif.n ? &r->match.iif :
						     &r->match.oif;

	for (size_t k = 0; k < s->n; k++)
		if (!iface_cmp(&s->v[k], i))
			return true;
	return false;
}

/* The plain interfaces that the group's members name. */
static int list_ifaces(const struct fuse_group *g, struct iface_set *ret)
{
	int err = 0;

	for (size_t i = 0; !err && i < g->n_members; i++) {
		const struct match *m = &g->members[i]->match;
		const struct iface_set *s = m->iif.n ? &m->iif : &m->oif;

		for (size_t k = 0; !err && k < s->n; k++)
			if (!s->v[k].wild && strcmp(s->v[k].name, "lo"))
				err = iface_set_add(ret, &s->v[k]);
	}
	if (!err && ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), cmp_iface);
	return err;
}

/* An ipset has no field for an interface: a group of rules for each of them. */
static int lower_per_iface(struct ipt_group *g)
{
	_cleanup_(iface_set_release) struct iface_set ifs = { 0 };
	_cleanup_free_ const struct rule **v = NULL;
	int err = list_ifaces(g->g, &ifs);

	v = malloc(g->g->n_members * sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; !err && i < ifs.n; i++) {
		if (i && !iface_cmp(&ifs.v[i], &ifs.v[i - 1]))
			continue;
		g->iface = &ifs.v[i];
		g->members = v;
		g->n = 0;
		for (size_t k = 0; k < g->g->n_members; k++)
			if (has_iface(g->g->members[k], g->iface))
				v[g->n++] = g->g->members[k];
		err = ipt_group_emit(g);
	}
	return err;
}

static int lower_group(struct lowering *l, const struct fuse_group *fg,
		       const struct ipt_place *p, uint8_t family,
		       struct image_chain *chain)
{
	struct ipt_group g = {
		.g = fg, .place = p, .family = family, .chain = chain,
		.members = fg->members, .n = fg->n_members,
		.sets = image_find_table(l->img, NFPROTO_UNSPEC, IPT_SET_TABLE),
		.d = l->d,
	};
	enum key_part last = fg->n_parts ? fg->part[fg->n_parts - 1] :
					   KEY_PART_MAX_;

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

static int add_jump(struct image_table *t, const struct ipt_place *p,
		    uint8_t family)
{
	struct image_chain *c = image_add_chain(t, p->builtin, p->hook);
	struct image_rule *r;

	if (!c)
		return -ENOMEM;
	c->foreign = true;
	r = plain_rule(c, family, VERDICT_JUMP);
	if (!r)
		return -ENOMEM;
	r->target = p->own;
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

/* Our chain of that place, made when it is first needed. */
static struct image_chain *own_chain(struct lowering *l,
				     const struct ipt_place *p, uint8_t family)
{
	struct image_table *t = table_of(l->img, family, p->table);

	l->accepts |= p->action == ACTION_ACCEPT;
	return t ? image_add_chain(t, p->own, HOOK_MAX_) : NULL;
}

static int lower_place(struct lowering *l, const struct ipt_place *p,
		       uint8_t family)
{
	struct image_chain *c = NULL;
	bool guarded = false;
	int err = 0;

	for (size_t i = 0; !err && i < l->fuse.n; i++) {
		const struct fuse_group *g = &l->fuse.v[i];

		if (!belongs(g, p, family) || !is_needed(l, g, p, family))
			continue;
		if (!c)
			c = own_chain(l, p, family);
		if (!c)
			return -ENOMEM;
		err = guard_fragments(g, family, c, &guarded);
		if (!err)
			err = lower_group(l, g, p, family, c);
	}
	return err || !c ? err : add_jump(table_of(l->img, family, p->table),
					  p, family);
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

static int lower_all(struct lowering *l)
{
	int err = 0;

	if (!image_add_table(l->img, NFPROTO_UNSPEC, IPT_SET_TABLE))
		return -ENOMEM;
	for (size_t i = 0; !err && i < l->rs->n; i++)
		err = check_ifaces(l, &l->rs->v[i]);
	if (!err)
		err = fuse_rules(l->rs, &l->fuse);
	for (size_t i = 0; !err && i < IPT_PLACES; i++) {
		if (l->rs->ipv4)
			err = lower_place(l, &ipt_places[i], AF_INET);
		if (!err && l->rs->ipv6)
			err = lower_place(l, &ipt_places[i], AF_INET6);
	}
	return err ? err : image_normalize(l->img);
}

int ipt_lower(const struct ruleset *rs, const struct survey *host,
	      struct image **ret, struct diags *d)
{
	_cleanup_(image_free) struct image *img = NULL;
	_cleanup_(ruleset_release) struct ruleset split = { 0 };
	struct lowering l = { .rs = &split, .host = host, .d = d };
	int err = refuse_iptables_nft(host, d);

	if (!err)
		err = ipt_split(rs, &split);
	if (err)
		return err;
	img = l.img = image_new();
	if (!img)
		return -ENOMEM;
	err = lower_all(&l);
	fuse_release(&l.fuse);
	if (err)
		return err;
	if (rs->wants_accepts && !l.accepts)
		survey_note_no_accepts("iptables", d);
	*ret = TAKE_PTR(img);
	return 0;
}
