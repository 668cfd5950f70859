/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/flow.h"

#include <string.h>

#include "core/mem.h"

static bool in_ports(const struct port_set *s, uint16_t port)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].first <= port && port <= s->v[i].last)
			return true;
	return false;
}

static bool is_type(const struct match *m, uint8_t type)
{
	for (unsigned int i = 0; i < m->n_icmp; i++)
		if (m->icmp[i].first <= type && type <= m->icmp[i].last)
			return true;
	return !m->n_icmp;
}

static bool leads_to(const struct flow *f, enum dst_kind dst)
{
	switch (dst) {
	case DST_LOCAL:
		return f->to_local;
	case DST_LOCAL_OR_GROUP:
		return f->to_local || f->to_group;
	case DST_TRANSIT:
		return !f->to_local && !f->to_group;
	case DST_AWAY:
		return !f->to_local;
	case DST_ANY:
	case DST_MAX_:
		break;
	}
	return true;
}

/* What stays in this host passes lo, and nothing else does. */
static bool may_be(const struct iface *i, const char *name, bool loopback)
{
	if (!*name)
		return i->wild || !strcmp(i->name, "lo") == loopback;
	return i->wild ? !strncmp(name, i->name, strlen(i->name)) :
			 !strncmp(name, i->name, sizeof(i->name));
}

static bool may_pass(const struct iface_set *s, const char *name,
		     bool loopback)
{
	for (size_t i = 0; i < s->n; i++)
		if (may_be(&s->v[i], name, loopback))
			return true;
	return !s->n;
}

bool flow_matches(const struct flow *f, const struct match *m)
{
	if ((m->family && m->family != f->family) ||
	    (m->proto && m->proto != f->proto) ||
	    (m->not_tcp && f->proto == IPPROTO_TCP) || m->fragment_tail ||
	    (f->has_icmp && !is_type(m, f->icmp_type)) ||
	    (m->sport.n && !in_ports(&m->sport, f->sport)) ||
	    (m->dport.n && !in_ports(&m->dport, f->dport)) ||
	    !leads_to(f, m->dst))
		return false;
	if (!may_pass(&m->iif, f->iif, f->loopback) ||
	    !may_pass(&m->oif, f->oif, f->loopback))
		return false;
	return (!m->saddr.n ||
		prefix_set_contains(&m->saddr, f->family, f->saddr)) &&
	       (!m->daddr.n ||
		prefix_set_contains(&m->daddr, f->family, f->daddr));
}

const struct rule *flow_find(const struct flow *f, const struct ruleset *rs,
			     enum hook hook, enum action action,
			     const struct rule *after)
{
	for (size_t i = after ? (size_t)(after - rs->v) + 1 : 0; i < rs->n; i++)
		if (rs->v[i].hook == hook && rs->v[i].action == action &&
		    flow_matches(f, &rs->v[i].match))
			return &rs->v[i];
	return NULL;
}

struct flow flow_reversed(const struct flow *f)
{
	struct flow r = *f;

	memcpy(r.saddr, f->daddr, sizeof(r.saddr));
	memcpy(r.daddr, f->saddr, sizeof(r.daddr));
	r.sport = f->dport;
	r.dport = f->sport;
	r.has_icmp = false;
	memcpy(r.iif, f->oif, sizeof(r.iif));
	memcpy(r.oif, f->iif, sizeof(r.oif));
	r.to_local = f->loopback;
	r.to_group = false;
	return r;
}
