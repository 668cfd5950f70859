/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/lower/reach.c: which packets the host's own rules may drop. */
#include "backends/lower/reach.h"

#include <errno.h>
#include <string.h>

#include "core/mem.h"

#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>

#define ANY_PORT { 0, UINT16_MAX }

const struct reach reach_any = { 0, ANY_PORT, ANY_PORT };

static bool is_any_port(struct port_range r)
{
	return r.first == 0 && r.last == UINT16_MAX;
}

bool reach_narrow_proto(struct reach *r, uint8_t proto)
{
	if (r->proto && proto && r->proto != proto)
		return false;
	if (proto)
		r->proto = proto;
	return true;
}

bool reach_narrow_ports(struct port_range *r, struct port_range by)
{
	if (by.first > r->first)
		r->first = by.first;
	if (by.last < r->last)
		r->last = by.last;
	return r->first <= r->last;
}

bool reach_narrow(struct reach *r, const struct reach *by)
{
	return reach_narrow_proto(r, by->proto) &&
	       reach_narrow_ports(&r->sport, by->sport) &&
	       reach_narrow_ports(&r->dport, by->dport);
}

static bool holds_ports(struct port_range a, struct port_range b)
{
	return a.first <= b.first && a.last >= b.last;
}

static bool holds(const struct reach *a, const struct reach *b)
{
	return (!a->proto || a->proto == b->proto) &&
	       holds_ports(a->sport, b->sport) &&
	       holds_ports(a->dport, b->dport);
}

bool reach_set_add(struct reach_set *s, const struct reach *r)
{
	if (s->any)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (holds(&s->v[i], r))
			return false;
	if (s->n == REACH_SET_MAX || holds(r, &reach_any)) {
		*s = (struct reach_set){ .any = true };
		return true;
	}
	s->v[s->n++] = *r;
	return true;
}

static bool meets_ports(struct port_range r, const struct port_set *s)
{
	if (!s->n)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].first <= r.last && s->v[i].last >= r.first)
			return true;
	return false;
}

/*
 * The client's side of a flow, where the rule leaves it open: no privileged
 * port, unless it is the service's own, as with ntp.
 */
static bool meets_client(struct port_range r, const struct port_set *client,
			 const struct port_set *service)
{
	if (client->n || !service->n)
		return meets_ports(r, client);
	return r.last >= 1024 || meets_ports(r, service);
}

static bool meets(const struct reach *r, const struct rule *rule)
{
	const struct match *m = &rule->match;

	if (r->proto && m->proto && r->proto != m->proto)
		return false;
	/* A fragment without ports matches no rule that looks at ports. */
	if (m->fragment_tail &&
	    (!is_any_port(r->sport) || !is_any_port(r->dport)))
		return false;
	if (rule->leg == LEG_REQUEST)
		return meets_ports(r->dport, &m->dport) &&
		       meets_client(r->sport, &m->sport, &m->dport);
	if (rule->leg == LEG_REPLY)
		return meets_ports(r->sport, &m->sport) &&
		       meets_client(r->dport, &m->dport, &m->sport);
	return meets_ports(r->sport, &m->sport) &&
	       meets_ports(r->dport, &m->dport);
}

bool reach_set_meets(const struct reach_set *s, const struct rule *r)
{
	for (size_t i = 0; i < s->n; i++)
		if (meets(&s->v[i], r))
			return true;
	return s->any;
}

/* xt_tcp and xt_udp both begin with these four ports. */
static bool narrow_tcpudp(struct reach *r, const void *info, uint8_t invflags)
{
	uint16_t v[4];

	memcpy(v, info, sizeof(v));
	return ((invflags & XT_TCP_INV_SRCPT) ||
		reach_narrow_ports(&r->sport,
				   (struct port_range){ v[0], v[1] })) &&
	       ((invflags & XT_TCP_INV_DSTPT) ||
		reach_narrow_ports(&r->dport,
				   (struct port_range){ v[2], v[3] }));
}

static bool narrow_multiport(struct reach *r, const struct xt_multiport_v1 *m)
{
	struct port_range hull = { UINT16_MAX, 0 };

	if (m->invert || m->flags == XT_MULTIPORT_EITHER || !m->count ||
	    m->count > XT_MULTI_PORTS)
		return true;
	for (size_t i = 0; i < m->count; i++) {
		if (m->ports[i] < hull.first)
			hull.first = m->ports[i];
		if (m->ports[i] > hull.last)
			hull.last = m->ports[i];
	}
	return reach_narrow_ports(m->flags == XT_MULTIPORT_SOURCE ? &r->sport :
								    &r->dport,
				  hull);
}

bool reach_narrow_xt(struct reach *r, const char *name, const void *info,
		     size_t len)
{
	struct xt_multiport_v1 multi;
	struct xt_tcp tcp;
	struct xt_udp udp;

	if (!strcmp(name, "tcp") && len >= sizeof(tcp)) {
		memcpy(&tcp, info, sizeof(tcp));
		return reach_narrow_proto(r, IPPROTO_TCP) &&
		       narrow_tcpudp(r, &tcp, tcp.invflags);
	}
	if (!strcmp(name, "udp") && len >= sizeof(udp)) {
		memcpy(&udp, info, sizeof(udp));
		return narrow_tcpudp(r, &udp, udp.invflags);
	}
	if (!strcmp(name, "multiport") && len >= sizeof(multi)) {
		memcpy(&multi, info, sizeof(multi));
		return narrow_multiport(r, &multi);
	}
	return true;
}

static bool in_list(const char *const *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], name))
			return true;
	return false;
}

bool reach_xt_tracks(const char *name)
{
	static const char *const names[] = {
		"conntrack", "state", "connbytes", "connlabel", "connlimit",
		"connmark", "cluster", "helper", "CONNMARK", "CONNSECMARK",
		"DNAT", "MASQUERADE", "NETMAP", "REDIRECT", "SNAT", "SYNPROXY",
	};

	return in_list(names, ARRAY_SIZE(names), name);
}

bool reach_xt_translates(const char *name)
{
	static const char *const names[] = {
		"DNAT", "NETMAP", "REDIRECT", "SNAT",
	};

	return in_list(names, ARRAY_SIZE(names), name);
}

enum hook reach_xt_hook(const char *chain)
{
	static const struct {
		const char *name;
		enum hook hook;
	} rows[] = {
		{ "INPUT", HOOK_INPUT }, { "FORWARD", HOOK_FORWARD },
		{ "OUTPUT", HOOK_OUTPUT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, chain))
			return rows[i].hook;
	return HOOK_MAX_;
}

int reach_chain_add_jump(struct reach_chain *c, size_t to,
			 const struct reach *when)
{
	if (mem_grow(&c->jumps, &c->cap_jumps, c->n_jumps + 1))
		return -ENOMEM;
	c->jumps[c->n_jumps++] = (struct reach_jump){ to, *when };
	return 0;
}

void reach_chain_release(struct reach_chain *c)
{
	free(c->jumps);
	*c = (struct reach_chain){ 0 };
}

/* Chains still to follow, and what enters them. */
struct todo {
	struct reach_jump *v;
	size_t n, cap;
};

static int push(struct reach_graph *g, struct todo *t, size_t to,
		const struct reach *r)
{
	if (to >= g->n || !reach_set_add(&g->v[to].entered, r))
		return 0;
	if (mem_grow(&t->v, &t->cap, t->n + 1))
		return -ENOMEM;
	/* If the set became "any", any packet enters. */
	t->v[t->n++] = (struct reach_jump){
		to, g->v[to].entered.any ? reach_any : *r,
	};
	return 0;
}

static int visit(struct reach_graph *g, struct todo *t,
		 const struct reach_jump *at, struct reach_set *ret)
{
	struct reach_chain *c = &g->v[at->to];
	int err = c->loaded ? 0 : g->load(g, at->to, g->arg);

	if (err)
		return err;
	c->loaded = true;
	if (c->drops.any)
		reach_set_add(ret, &at->when);
	for (size_t i = 0; i < c->drops.n; i++) {
		struct reach r = at->when;

		if (reach_narrow(&r, &c->drops.v[i]))
			reach_set_add(ret, &r);
	}
	for (size_t i = 0; !err && i < c->n_jumps; i++) {
		struct reach r = at->when;

		if (reach_narrow(&r, &c->jumps[i].when))
			err = push(g, t, c->jumps[i].to, &r);
	}
	return err;
}

int reach_search(struct reach_graph *g, size_t base, struct reach_set *ret)
{
	struct todo t = { 0 };
	struct reach_set found = { 0 };
	int err;

	for (size_t i = 0; i < g->n; i++)
		g->v[i].entered = (struct reach_set){ 0 };
	err = push(g, &t, base, &reach_any);
	while (!err && t.n && !found.any) {
		struct reach_jump at = t.v[--t.n];

		err = visit(g, &t, &at, &found);
	}
	free(t.v);
	if (!err)
		*ret = found;
	return err;
}
