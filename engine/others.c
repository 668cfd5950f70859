/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/others.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "engine/ends.h"
#include "engine/moves.h"
#include "generators/legs.h"

static const struct port_set every_port = {
	.v = (struct port_range[]){ { 1, UINT16_MAX } }, .n = 1,
};
static const struct prefix_set everybody;
static const struct iface_set every_device;

/* Where other systems choose their source ports: RFC 6335, section 6. */
static const struct port_range dynamic_ports = { 49152, UINT16_MAX };

#define SPACE_MAX 64		/* connections to try, of one space */
#define RULES_MAX 1000000	/* to look at for them */
#define OTHERS_MAX 20000

struct search {
	const struct plan *p;
	const struct foreign *f;
	const struct others_host *host;
	struct walker *w;
	struct others *to;
	struct flow_space space;
	const struct service *service;	/* NULL: anybody's answers, moved */
	struct harm_found harm;
	struct port_range own;		/* ports that its answers may go to */
};

void others_release(struct others *o)
{
	free(o->v);
	*o = (struct others){ 0 };
}

/* A port of the set that lies in the range, or 0. */
static uint16_t common_port(const struct port_set *s, struct port_range r)
{
	for (size_t i = 0; i < s->n; i++) {
		uint16_t first = s->v[i].first > r.first ? s->v[i].first :
							   r.first;

		if (first <= s->v[i].last && first <= r.last)
			return first;
	}
	return 0;
}

static void put_port(struct packet *p, enum packet_field x, uint16_t port)
{
	if (port)
		packet_set_number(p, x, port);
}

static void begin_answer(const struct search *x, enum packet_path path,
			 struct packet *ret)
{
	bool here = path == PATH_FROM_HOST || path == PATH_LOOPBACK;
	bool to = path == PATH_TO_HOST || path == PATH_LOOPBACK;
	uint8_t family = x->space.family == AF_INET ? NFPROTO_IPV4 :
						      NFPROTO_IPV6;

	packet_init(ret, family, x->space.proto, path);
	ret->ct_states = NF_CT_STATE_BIT(IP_CT_ESTABLISHED);
	ret->tracking = x->host->tracking;
	packet_set_number(ret, FIELD_SADDR_TYPE, here ? RTN_LOCAL :
							 RTN_UNICAST);
	packet_set_number(ret, FIELD_DADDR_TYPE, to ? RTN_LOCAL : RTN_UNICAST);
	/* It goes to a port that no socket of this host has. */
	packet_lose(ret, FIELD_TRANSPARENT);
	packet_lose(ret, FIELD_WILDCARD);
	if (protocol_is_icmp(x->space.proto))
		packet_set_number(ret, FIELD_ICMP_TYPE,
				  family == NFPROTO_IPV4 ? ICMP_ECHOREPLY :
							   ICMP6_ECHO_REPLY);
}

/* Only what conntrack looks at today can get lost. */
static int keep(struct search *x, const struct service *s,
		const struct flow_sample *sample, const struct packet *answer,
		const struct harm_found *harm)
{
	struct walk walk = { 0 };
	struct others *o = x->to;
	int err = walk_run(x->w, answer, &walk);
	enum truth tracked = walk.tracked;

	walk_release(&walk);
	if (err || tracked == TRUTH_NO)
		return err;
	if (o->n == OTHERS_MAX) {
		o->untried = true;
		return 0;
	}
	if (mem_grow(&o->v, &o->cap, o->n + 1))
		return -ENOMEM;
	o->v[o->n++] = (struct other){ s, x->space, *sample, *answer, *harm };
	return 0;
}

static int try_behind_as(struct search *x, const struct flow_sample *s,
			 const struct judged *now, const struct move *m)
{
	struct harm_found h = x->harm;
	struct flow_sample shown = *s;
	struct packet answer;
	uint16_t port = 0, be;

	if (x->own.last) {
		struct port_range to = moves_ports(m, x->own);

		port = common_port(&x->service->ports, to);
		if (!port)
			return 0;
		be = htons(port);
		if (!m->port)
			memcpy(shown.key[FLOW_CPORT], &be, sizeof(be));
	}
	begin_answer(x, PATH_TO_HOST, &answer);
	packet_set(&answer, FIELD_SADDR, s->key[FLOW_SERVER]);
	packet_set(&answer, FIELD_IIF, s->key[FLOW_OUT]);
	if (m->to)
		packet_set(&answer, FIELD_DADDR, m->to->first);
	put_port(&answer, FIELD_DPORT, port);
	if (!x->own.last && x->service->ports.n)
		packet_set(&answer, FIELD_SPORT, s->key[FLOW_SPORT]);
	h.rule = now->nat_from;
	h.maybe = now->source_moves == TRUTH_MAYBE;
	return keep(x, x->service, &shown, &answer, &h);
}

/* Of a host behind this one: at this host's own address. */
static int try_behind(struct search *x, const struct flow_sample *s,
		      const struct judged *now)
{
	const struct moved who = {
		s, &x->space, .moved = now->destination_moves != TRUTH_NO,
	};
	struct moves moves;
	struct move m;
	int err = 0;

	if (now->source_moves == TRUTH_NO)
		return 0;
	moves_begin(&moves, x->f, now->nat_from, &who);
	while (!err && moves_next(&moves, &m))
		err = try_behind_as(x, s, now, &m);
	return err;
}

static enum packet_path path_of_answer(const struct search *x,
				       const struct judged *now,
				       const uint8_t *address)
{
	bool own = x->space.way == WAY_OUT || x->space.way == WAY_WITHIN;
	bool here = address && moves_is_own(x->host->all, x->space.family,
					    address);

	if (now->moves_here || here)
		return own ? PATH_LOOPBACK : PATH_FROM_HOST;
	return own ? PATH_TO_HOST : PATH_FORWARDED;
}

/* Who answers there: a server of this host's, or one behind a router. */
static bool may_take(const struct service *s, enum packet_path path)
{
	return s->roles & (path == PATH_FORWARDED ? ROLE_ROUTER :
			   path == PATH_LOOPBACK ? ROLE_SERVER | ROLE_LOOPBACK :
						   ROLE_SERVER);
}

/* The answer, in the ports of each service that may take it. */
static int try_target(struct search *x, const struct flow_sample *s,
		      const struct judged *now, const struct move *m,
		      const uint8_t *address, const struct harm_found *h)
{
	enum packet_path path = path_of_answer(x, now, address);
	const struct policy *policy = x->p->policy;
	struct port_range ports;
	struct packet answer;
	uint16_t asked;
	int err = 0;

	/* A socket tells a client's own answers from these. */
	if (path == PATH_TO_HOST ||
	    (path == PATH_FORWARDED && now->source_moves == TRUTH_YES))
		return 0;
	memcpy(&asked, s->key[FLOW_SPORT], sizeof(asked));
	asked = ntohs(asked);
	ports = moves_ports(m, (struct port_range){ asked, asked });
	begin_answer(x, path, &answer);
	packet_set(&answer, FIELD_DADDR, s->key[FLOW_CLIENT]);
	packet_set(&answer, FIELD_DPORT, s->key[FLOW_CPORT]);
	if (address)
		packet_set(&answer, FIELD_SADDR, address);
	if (path != PATH_LOOPBACK && *s->key[FLOW_IN])
		packet_set(&answer, FIELD_OIF, s->key[FLOW_IN]);
	for (size_t i = 0; !err && i < policy->n_services; i++) {
		const struct service *v = &policy->services[i];
		uint16_t port = common_port(v->ports.n ? &v->ports :
							 &every_port, ports);

		if (!port || !may_take(v, path) ||
		    !service_has_protocol(v, x->space.proto) ||
		    !service_in_family(policy, v, x->space.family))
			continue;
		put_port(&answer, FIELD_SPORT, port);
		err = keep(x, v, s, &answer, h);
	}
	return err;
}

static int try_move(struct search *x, const struct flow_sample *s,
		    const struct judged *now, const struct move *m,
		    const struct harm_found *h)
{
	struct move_target to[MOVES_TARGETS];
	size_t n = moves_targets(m, x->host->all, x->space.family, to);
	int err = 0;

	for (size_t k = 0; !err && k < n; k++)
		err = try_target(x, s, now, m,
				 to[k].stays ? NULL : to[k].address, h);
	return err;
}

/* Behind another port or address than the request was sent to. */
static int try_moved(struct search *x, const struct flow_sample *s,
		     const struct judged *now)
{
	const struct moved who = { s, &x->space, false, false };
	int err = 0;

	x->to->untried |= now->n_nat_to == JUDGED_MOVERS;
	for (size_t i = 0; !err && i < now->n_nat_to; i++) {
		struct harm_found h = { .harm = HARM_MOVED,
					.rule = now->nat_to[i],
					.chain = FOREIGN_NOWHERE };
		struct moves moves;
		struct move m;

		h.maybe = now->destination_moves == TRUTH_MAYBE ||
			  now->n_nat_to > 1 ||
			  moves_differ(x->f, now->nat_to[i], &who);
		moves_begin(&moves, x->f, now->nat_to[i], &who);
		while (!err && moves_next(&moves, &m))
			err = try_move(x, s, now, &m, &h);
	}
	return err;
}

static bool is_translated(const struct search *x, const struct judged *now)
{
	return x->service ? now->source_moves == TRUTH_YES : now->n_nat_to;
}

static int take_sample(const struct flow_sample *s, void *arg)
{
	struct search *x = arg;
	struct judged now;
	int err = judge(x->w, x->f, &x->space, s, x->host->tracking, true,
			&now);

	if (err || judge_works(&now) == TRUTH_NO)
		return err;
	err = x->service ? try_behind(x, s, &now) : try_moved(x, s, &now);
	return err ? err : is_translated(x, &now) ? SAMPLES_ENOUGH : 0;
}

/* May its answers come from a port that some service has? */
static bool wants(const struct foreign_answer *a, void *arg)
{
	const struct search *x = arg;
	const struct policy *policy = x->p->policy;

	for (size_t i = 0; a->port && i < policy->n_services; i++) {
		const struct service *s = &policy->services[i];

		if (!s->ports.n || common_port(&s->ports, (struct port_range){
					a->port, a->last_port }))
			return true;
	}
	return !a->port;
}

static int try_space(struct search *x)
{
	static const struct samples_limit limit = {
		.samples = SPACE_MAX, .rules = RULES_MAX, .nat_alone = true,
		.wants = wants,
	};
	bool all = true;
	int err = samples_of(x->f, &x->space, &limit, take_sample, x, &all);

	x->to->untried |= !all;
	return err;
}

static void set_space(struct search *x, enum flow_way way, uint8_t family,
		      uint8_t proto)
{
	static const struct port_set none;

	x->space = (struct flow_space){
		.way = way, .family = family, .proto = proto,
		.clients = &everybody, .servers = &everybody,
		.local = way == WAY_WITHIN ? x->host->all : x->host->outside,
		.ports = protocol_has_ports(proto) ? &every_port : &none,
		.ifaces = &every_device, .devices = x->host->devices,
		.ephemeral = x->p->facts.ephemeral,
	};
}

/* Ports of the service that hosts behind this one may send from. */
static struct port_range source_ports(const struct search *x)
{
	struct port_range own = x->p->facts.ephemeral;

	return common_port(&x->service->ports, dynamic_ports) ? dynamic_ports :
								own;
}

/* What comes to a local port of the kernel's choice may be anybody's reply. */
static int try_server(struct search *x, uint8_t family, uint8_t proto)
{
	const struct service *s = x->service;
	bool ports = protocol_has_ports(proto);

	set_space(x, WAY_THROUGH, family, proto);
	x->space.servers = &s->clients;
	x->own = ports ? source_ports(x) : (struct port_range){ 0 };
	x->harm = (struct harm_found){
		.harm = ports ? HARM_BEHIND_PORTS : HARM_BEHIND_PROTO,
		.mild = s->has_clients || (ports && s->has_servers),
		.chain = FOREIGN_NOWHERE,
	};
	return try_space(x);
}

/* Only tcp and udp sockets can be asked for what is this host's own. */
static int try_client(struct search *x, uint8_t family, uint8_t proto)
{
	const struct service *s = x->service;
	bool asked = leg_finds_socket(proto);

	if (asked && !s->replies_unguarded)
		return 0;
	set_space(x, WAY_THROUGH, family, proto);
	x->space.servers = &s->servers;
	x->space.ports = &s->ports;
	x->own = (struct port_range){ 0 };
	x->harm = (struct harm_found){
		.harm = asked ? HARM_BEHIND_OPEN : HARM_BEHIND_PROTO,
		.mild = !asked && s->has_servers && !(s->roles & ROLE_SERVER),
		.chain = FOREIGN_NOWHERE,
	};
	return try_space(x);
}

static int try_service(struct search *x, uint8_t family)
{
	const struct service *s = x->service;
	uint8_t protocols[ENDS_PROTOCOLS_MAX];
	size_t n;
	int err = 0;

	if (!service_in_family(x->p->policy, s, family))
		return 0;
	n = ends_protocols(x->f, s, family, protocols);
	for (size_t i = 0; !err && i < n; i++) {
		/* No answer to anybody is an echo request */
		if (s->roles & ROLE_SERVER && !protocol_is_icmp(protocols[i]))
			err = try_server(x, family, protocols[i]);
		if (!err && s->roles & ROLE_CLIENT)
			err = try_client(x, family, protocols[i]);
	}
	return err;
}

/* A translation that leaves ports alone is met at the service's own. */
static int try_ports(struct search *x, const struct service *s)
{
	if (!s->ports.n || !service_has_protocol(s, x->space.proto))
		return 0;
	x->space.ports = &s->ports;
	return try_space(x);
}

/* Of anybody's connections, once for each protocol. */
static int try_ways(struct search *x, uint8_t family, uint8_t proto)
{
	static const enum flow_way ways[] = {
		WAY_IN, WAY_OUT, WAY_THROUGH, WAY_WITHIN,
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(ways); i++) {
		set_space(x, ways[i], family, proto);
		err = try_space(x);
		for (size_t k = 0; !err && k < x->p->policy->n_services; k++)
			err = try_ports(x, &x->p->policy->services[k]);
	}
	return err;
}

static int try_protocols(struct search *x, uint8_t family)
{
	const struct policy *policy = x->p->policy;
	bool tried[UINT8_MAX + 1] = { false };
	uint8_t protocols[ENDS_PROTOCOLS_MAX];
	size_t n;
	int err = 0;

	for (size_t i = 0; i < policy->n_services; i++) {
		const struct service *s = &policy->services[i];

		n = ends_protocols(x->f, s, family, protocols);
		for (size_t k = 0; !err && k < n; k++) {
			uint8_t proto = protocols[k];

			if (tried[proto] || !protocol_has_ports(proto) ||
			    !service_in_family(policy, s, family))
				continue;
			tried[proto] = true;
			err = try_ways(x, family, proto);
		}
	}
	return err;
}

static bool has_nat(const struct foreign *f)
{
	for (size_t i = 0; i < f->n_chains; i++)
		if (f->chains[i].type && f->chains[i].n_rules &&
		    !strcmp(f->chains[i].type, "nat"))
			return true;
	return false;
}

int others_today(const struct plan *p, const struct others_host *host,
		 struct walker *w, struct others *ret)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct search x = { .p = p, .f = p->host.f, .host = host, .w = w,
			    .to = ret };
	int err = 0;

	if (!has_nat(x.f) || host->tracking == TRUTH_NO)
		return 0;
	for (size_t i = 0; !err && i < ARRAY_SIZE(families); i++) {
		x.service = NULL;
		err = try_protocols(&x, families[i]);
		for (size_t k = 0; !err && k < p->policy->n_services; k++) {
			x.service = &p->policy->services[k];
			err = try_service(&x, families[i]);
		}
	}
	return err;
}

int others_then(struct plan *p, struct walker *w, const struct others *o,
		struct preflight_said *said)
{
	int err = 0;

	for (size_t i = 0; !err && i < o->n; i++) {
		const struct other *v = &o->v[i];
		struct harm_found h = v->harm;
		struct walk walk = { 0 };

		err = walk_run(w, &v->answer, &walk);
		h.maybe |= walk.tracked == TRUTH_MAYBE;
		if (!err && walk.tracked != TRUTH_YES)
			err = preflight_say(p, v->service, &v->space,
					    &v->sample, &h, said);
		walk_release(&walk);
	}
	return err;
}
