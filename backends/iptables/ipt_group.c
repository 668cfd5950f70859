/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_group.h"

#include <string.h>

#include "core/mem.h"

size_t ipt_group_parts(const struct ipt_group *g)
{
	size_t n = g->g->n_parts;

	return n && (g->g->part[n - 1] == KEY_IIFNAME ||
		     g->g->part[n - 1] == KEY_OIFNAME) ? n - 1 : n;
}

const struct port_set *ipt_group_ports(const struct ipt_group *g,
				       const struct rule *r)
{
	if (!ipt_group_parts(g))
		return NULL;
	return g->g->part[0] == KEY_SPORT ? &r->match.sport :
	       g->g->part[0] == KEY_DPORT ? &r->match.dport :
					    NULL;
}

static bool has_addr_part(const struct ipt_group *g)
{
	for (size_t i = 0; i < g->g->n_parts; i++)
		if (g->g->part[i] == KEY_SADDR || g->g->part[i] == KEY_DADDR)
			return true;
	return false;
}

/* Own: r's addresses of one side, as a set when there are several. */
static int own_side(const struct ipt_group *g, const struct rule *r,
		    enum key_part part, struct image_rule *out)
{
	bool src = part == KEY_SADDR;
	const struct prefix_set *in = src ? &r->match.saddr : &r->match.daddr;
	struct prefix_set *mine = src ? &out->match.saddr : &out->match.daddr;
	_cleanup_(elems_release) struct elems e = { 0 };
	char extra[256];
	struct image_set *s;
	int err;

	if (!in->n || !in->v[0].len)
		return 0;
	if (in->n == 1)
		return prefix_set_add(mine, &in->v[0]);
	fuse_init_elems(g->g, &part, 1, &e);
	err = fuse_expand(r, &part, 1, &e);
	if (!err)
		err = ipt_group_fit(g, r, &e);
	if (err)
		return err;
	snprintf(extra, sizeof(extra), "%s %s", src ? "s" : "d",
		 r->origin->service ? r->origin->service : "");
	s = ipt_group_set(g, extra, &e);
	if (!s)
		return -ENOMEM;
	ipt_group_lookup(out, s, &part, 1);
	return 0;
}

/*
 * Own: one rule for 15 ports. The first one makes the sets, the others look
 * up the same.
 */
int ipt_group_emit_own(const struct ipt_group *g, const struct rule *r)
{
	size_t start = g->chain->n_rules;
	struct image_rule *base;
	struct rule ports = *r;
	int err;

	memset(&ports.match.saddr, 0, sizeof(ports.match.saddr));
	memset(&ports.match.daddr, 0, sizeof(ports.match.daddr));
	err = ipt_rules_emit(g, &ports);
	if (err)
		return err;
	base = &g->chain->rules[start];
	err = own_side(g, r, KEY_SADDR, base);
	if (!err)
		err = own_side(g, r, KEY_DADDR, base);
	for (size_t i = start + 1; !err && i < g->chain->n_rules; i++) {
		struct image_rule *out = &g->chain->rules[i];

		memcpy(out->lookup, base->lookup, sizeof(out->lookup));
		out->n_lookups = base->n_lookups;
		err = prefix_set_copy(&base->match.saddr, AF_UNSPEC,
				      &out->match.saddr);
		if (!err)
			err = prefix_set_copy(&base->match.daddr, AF_UNSPEC,
					      &out->match.daddr);
	}
	return err;
}

static uint64_t own_count(const struct rule *r)
{
	struct rule ports = *r;

	memset(&ports.match.saddr, 0, sizeof(ports.match.saddr));
	memset(&ports.match.daddr, 0, sizeof(ports.match.daddr));
	return ipt_rules_count(&ports);
}

int ipt_group_emit(const struct ipt_group *g)
{
	uint8_t proto = g->g->model.match.proto;
	uint64_t inl = 0, own = 0;
	int err = 0;

	/* Nothing varies: one speaks for all. */
	if (!ipt_group_parts(g))
		return ipt_rules_emit(g, g->members[0]);
	for (size_t i = 0; i < g->n; i++) {
		inl += ipt_rules_count(g->members[i]);
		own += own_count(g->members[i]);
	}
	if (inl > IPT_INLINE_MAX && has_addr_part(g) && own > IPT_INLINE_MAX)
		return ipt_fused_emit(g);
	if (inl > IPT_INLINE_MAX && !has_addr_part(g) &&
	    ipt_fused_knows(proto, false))
		return ipt_fused_emit_ports(g);
	for (size_t i = 0; !err && i < g->n; i++)
		err = inl > IPT_INLINE_MAX && has_addr_part(g) ?
			      ipt_group_emit_own(g, g->members[i]) :
			      ipt_rules_emit(g, g->members[i]);
	return err;
}
