/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "generators/legs.h"

#include <string.h>

#include "core/mem.h"

bool service_in_family(const struct policy *p, const struct service *s,
		       uint8_t family)
{
	if (family == AF_INET ? !p->ipv4 : !p->ipv6)
		return false;
	return (!s->has_clients ||
		prefix_set_has_family(&s->clients, family)) &&
	       (!s->has_servers ||
		prefix_set_has_family(&s->servers, family));
}

bool service_keeps_own(const struct service *s, uint8_t family)
{
	return family == AF_INET ? s->keeps_own4 : s->keeps_own6;
}

bool leg_finds_socket(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

/* Without a protocol or addresses nothing tells the legs apart. */
static bool legs_are_alike(const struct service *s)
{
	return service_is_any(s) && !s->has_clients && !s->has_servers;
}

static int walk_family(struct leg_visit *v, leg_visitor *visit, void *arg)
{
	static const unsigned int roles[] = { ROLE_SERVER, ROLE_CLIENT,
					      ROLE_ROUTER, ROLE_LOOPBACK };
	static const enum leg legs[] = { LEG_REQUEST, LEG_REPLY };
	const struct service *s = v->service;
	bool alike = legs_are_alike(s);
	bool within = !v->keeps_own && !(s->roles & ROLE_LOOPBACK);
	size_t n = alike ? 1 : ARRAY_SIZE(legs);
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
		for (size_t k = 0; !err && k < n; k++) {
			v->role = roles[i];
			v->leg = alike ? LEG_BOTH : legs[k];
			v->loopback = v->role == ROLE_LOOPBACK;
			if (!(s->roles & v->role))
				continue;
			err = visit(v, arg);
			v->loopback = within && v->role != ROLE_ROUTER;
			if (!err && v->loopback)
				err = visit(v, arg);
		}
	return err;
}

static int walk_service(struct leg_visit *v, leg_visitor *visit, void *arg)
{
	const struct service *s = v->service;
	bool v4 = service_in_family(v->policy, s, AF_INET);
	bool v6 = service_in_family(v->policy, s, AF_INET6);
	/* the kernel keeps timers apart by family */
	bool one = v4 && v6 && !s->has_clients && !s->has_servers &&
		   s->keeps_own4 == s->keeps_own6 && !s->timers;
	int err = 0;

	for (size_t i = 0; !err && i < s->n_protocols; i++) {
		v->proto = s->protocols[i];
		v->family = AF_UNSPEC;
		v->keeps_own = s->keeps_own4;
		if (one && !protocol_is_icmp(v->proto)) {
			err = walk_family(v, visit, arg);
			continue;
		}
		v->family = AF_INET;
		if (v4)
			err = walk_family(v, visit, arg);
		v->family = AF_INET6;
		v->proto = service_protocol(s->protocols[i], AF_INET6);
		v->keeps_own = s->keeps_own6;
		if (!err && v6)
			err = walk_family(v, visit, arg);
	}
	return err;
}

static int walk_services(const struct policy *p, const struct service *s,
			 size_t n, leg_visitor *visit, void *arg)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		struct leg_visit v = { .policy = p, .service = &s[i] };

		err = walk_service(&v, visit, arg);
	}
	return err;
}

int legs_walk(const struct policy *p, leg_visitor *visit, void *arg)
{
	return walk_services(p, p->services, p->n_services, visit, arg);
}

int legs_walk_tracked(const struct policy *p, leg_visitor *visit, void *arg)
{
	return walk_services(p, p->tracked, p->n_tracked, visit, arg);
}

enum hook leg_first_hook(const struct leg_visit *v)
{
	if (v->role == ROLE_ROUTER)
		return HOOK_PREROUTING;
	return leg_enters(v) && !v->loopback ? HOOK_PREROUTING : HOOK_OUTPUT;
}

static bool arrives(enum hook hook)
{
	return hook != HOOK_OUTPUT;
}

static int put_ifaces(const struct leg_visit *v, enum hook hook,
		      struct match *m)
{
	static const struct iface lo = { .name = "lo" };
	struct iface_set *side = arrives(hook) ? &m->iif : &m->oif;

	if (v->loopback)
		return iface_set_add(side, &lo);
	return iface_set_copy(&v->service->ifaces, side);
}

static int put_addresses(const struct leg_visit *v, struct match *m)
{
	const struct service *s = v->service;
	bool request = v->leg == LEG_REQUEST;
	int err = prefix_set_copy(&s->clients, v->family,
				  request ? &m->saddr : &m->daddr);

	return err ? err : prefix_set_copy(&s->servers, v->family,
					   request ? &m->daddr : &m->saddr);
}

/*
 * The role says whose address is local: a server's requests go to one, or to a
 * group address that the policy names as a server's, and its replies come from
 * one. The other end may be anybody, on loopback too: a transparent proxy
 * speaks with addresses of others, and what it says stays tracked both ways.
 * Accept rules say nothing of what stays tracked: they ask for UNTRACKED.
 * What leaves by lo comes in again: of the role loopback that says it all.
 */
static enum dst_kind leg_dst(const struct leg_visit *v, enum hook hook,
			     enum action action)
{
	const struct service *s = v->service;

	if (v->role == ROLE_LOOPBACK)
		return DST_ANY;
	if (hook == HOOK_OUTPUT && !leg_enters(v))
		return v->keeps_own && action == ACTION_NOTRACK ? DST_AWAY :
								  DST_ANY;
	if (hook == HOOK_FORWARD)
		return DST_ANY;
	/* Until it is translated, such a packet may be for this host. */
	if (v->role == ROLE_ROUTER)
		return action == ACTION_TIMERS ? DST_ANY : DST_TRANSIT;
	if (v->leg == LEG_REQUEST ? s->has_servers : s->has_clients)
		return DST_LOCAL_OR_GROUP;
	return DST_LOCAL;
}

/* RFC 792, RFC 4443: types of echo requests and replies */
static void put_echo(const struct leg_visit *v, struct match *m)
{
	bool request = v->leg == LEG_REQUEST;
	uint8_t type = v->proto == IPPROTO_ICMPV6 ? request ? 128 : 129 :
		       request			  ? 8 : 0;

	m->icmp[0] = (struct icmp_range){ type, type };
	m->n_icmp = 1;
}

struct rule *leg_rule(const struct leg_visit *v, struct ruleset *rs,
		      enum hook hook, enum action action)
{
	const struct service *s = v->service;
	struct rule *r = ruleset_add(rs);
	struct match *m;
	int err;

	if (!r)
		return NULL;
	r->hook = hook;
	r->action = action;
	r->leg = v->leg;
	r->roles = v->role;
	r->rank = s->management ? RANK_MANAGEMENT : RANK_SERVICE;
	r->origin = &s->origin;
	m = &r->match;
	m->family = v->family;
	if (!v->family && v->policy->ipv4 != v->policy->ipv6)
		m->family = v->policy->ipv4 ? AF_INET : AF_INET6;
	m->proto = v->proto;
	m->dst = leg_dst(v, hook, action);
	m->src_local = hook == HOOK_OUTPUT && !leg_enters(v) &&
		       v->role != ROLE_LOOPBACK;
	if (protocol_is_icmp(v->proto))
		put_echo(v, m);
	err = put_ifaces(v, hook, m);
	if (!err)
		err = put_addresses(v, m);
	if (!err && protocol_has_ports(v->proto))
		err = port_set_copy(&s->ports, v->leg == LEG_REQUEST ?
						       &m->dport : &m->sport);
	return err ? NULL : r;
}

bool leg_enters(const struct leg_visit *v)
{
	return v->role != ROLE_ROUTER &&
	       v->leg == (v->role == ROLE_CLIENT ? LEG_REPLY : LEG_REQUEST);
}

bool leg_covers_loopback(const struct leg_visit *v, enum hook hook)
{
	if (v->service->has_ifaces || v->role == ROLE_LOOPBACK)
		return false;
	if (hook == HOOK_OUTPUT)
		return !leg_enters(v);
	/* A client's replies are guarded, those on loopback need not be. */
	return hook == HOOK_INPUT && leg_enters(v) && v->role == ROLE_SERVER;
}
