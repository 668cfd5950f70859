/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/flow.h"

#include <string.h>

#include "core/mem.h"

/* The set is sorted and none is inside another: only one can hold it. */
static bool in_prefixes(const struct prefix_set *s, uint8_t family,
			const uint8_t *addr)
{
	struct prefix p = { .family = family,
			    .len = family == AF_INET ? 32 : 128 };
	size_t lo = 0, hi = s->n;

	memcpy(p.addr, addr, family == AF_INET ? 4 : 16);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (prefix_cmp(&s->v[mid], &p) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo && prefix_contains(&s->v[lo - 1], &p)) ||
	       (lo < s->n && prefix_contains(&s->v[lo], &p));
}

static bool in_ports(const struct port_set *s, uint16_t port)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].first <= port && port <= s->v[i].last)
			return true;
	return false;
}

static bool leads_to(const struct flow *f, enum dst_kind dst)
{
	switch (dst) {
	case DST_LOCAL:
		return f->to_local;
	case DST_LOCAL_OR_GROUP:
		return f->to_local || f->to_group;
	case DST_NOT_LOCAL:
		return !f->to_local;
	case DST_ANY:
	case DST_MAX_:
		break;
	}
	return true;
}

static bool only_loopback(const struct iface_set *s)
{
	return s->n == 1 && !s->v[0].wild && !strcmp(s->v[0].name, "lo");
}

bool flow_matches(const struct flow *f, const struct match *m)
{
	if ((m->family && m->family != f->family) ||
	    (m->proto && m->proto != f->proto) || m->fragment_tail ||
	    (m->sport.n && !in_ports(&m->sport, f->sport)) ||
	    (m->dport.n && !in_ports(&m->dport, f->dport)) ||
	    !leads_to(f, m->dst))
		return false;
	if (!f->loopback && (only_loopback(&m->iif) || only_loopback(&m->oif)))
		return false;
	return (!m->saddr.n || in_prefixes(&m->saddr, f->family, f->saddr)) &&
	       (!m->daddr.n || in_prefixes(&m->daddr, f->family, f->daddr));
}

const struct rule *flow_find(const struct flow *f, const struct ruleset *rs,
			     enum hook hook, enum action action)
{
	for (size_t i = 0; i < rs->n; i++)
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
	r.to_local = f->loopback;
	r.to_group = false;
	return r;
}
