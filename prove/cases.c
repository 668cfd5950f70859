/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/cases.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/samples.h"
#include "core/mem.h"
#include "prove/frame.h"

/* Rules to look at for them. */
#define RULES_MAX 200000

struct finding {
	struct cases *c;
	const struct policy *p;
	const struct scene *scene;
	const struct foreign *f;
	const struct service *service;
	struct flow_space flow;
};

static struct prove_case *add(struct cases *c)
{
	if (mem_grow(&c->v, &c->cap, c->n + 1))
		return NULL;
	c->v[c->n] = (struct prove_case){ 0 };
	return &c->v[c->n++];
}

/* What comes in by one device leaves by another, if there are two. */
static void part_devices(const struct flow_space *sp, struct flow_sample *s)
{
	for (size_t i = 0; i < sp->devices->n; i++) {
		const char *name = sp->devices->v[i].name;

		if (!flow_space_has_device(sp, name) ||
		    !strncmp(name, (const char *)s->key[FLOW_IN], 15))
			continue;
		memset(s->key[FLOW_OUT], 0, sizeof(s->key[FLOW_OUT]));
		memcpy(s->key[FLOW_OUT], name, strlen(name));
		return;
	}
}

/*
 * Where a network is named, its first address is no host's, and both ends may
 * be in it.
 */
static void step_inside(const struct prefix_set *s, uint8_t family,
			uint8_t *addr, uint8_t by)
{
	size_t n = addr_bytes(family);

	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		if (p.family == family && p.len <= n * 8 - 2 &&
		    !memcmp(p.addr, addr, n)) {
			addr[n - 1] = (uint8_t)(addr[n - 1] + by);
			return;
		}
	}
}

static int take_sample(const struct flow_sample *s, void *arg)
{
	struct finding *x = arg;
	struct prove_case *c = add(x->c);

	if (!c)
		return -ENOMEM;
	c->service = x->service;
	c->flow = x->flow;
	c->sample = *s;
	step_inside(&x->service->clients, x->flow.family,
		    c->sample.key[FLOW_CLIENT], 2);
	step_inside(&x->service->servers, x->flow.family,
		    c->sample.key[FLOW_SERVER], 1);
	if (x->flow.way == WAY_THROUGH)
		part_devices(&x->flow, &c->sample);
	return 0;
}

static int add_way(void *arg, const struct service *s, enum flow_way way,
		   uint8_t family, uint8_t proto)
{
	const struct samples_limit limit = { .samples = CASES_MAX,
					     .rules = RULES_MAX };
	struct finding *x = arg;
	bool all = true;
	int err;

	/* who speaks with itself alone does so over loopback */
	if ((way == WAY_IN || way == WAY_OUT) &&
	    ends_are_here(&x->scene->ends, s))
		return 0;
	x->service = s;
	x->flow = ends_space(&x->scene->ends, s, way, family, proto,
			     x->scene->ephemeral);
	err = samples_of(x->f, &x->flow, &limit, take_sample, x, &all);
	x->c->cut |= !all;
	return err;
}

static bool is_local(const struct scene *s, uint8_t family,
		     const uint8_t *addr)
{
	struct prefix one = prefix_of_one(family, addr);

	return ends_have(&s->ends, &one);
}

/* The service that a packet would be a request of; NULL: there is none. */
static const struct service *service_of(const struct policy *p,
					const struct packet_test *t)
{
	for (size_t i = 0; i < p->n_services; i++) {
		const struct service *s = &p->services[i];

		if (service_has_protocol(s, t->proto) &&
		    service_has_port(s, t->dport))
			return s;
	}
	return NULL;
}

/* Of no host in particular, the policy's roles say where it stands. */
static enum flow_way way_of(const struct finding *x,
			    const struct packet_test *t, bool alone)
{
	bool from = is_local(x->scene, t->family, t->saddr);
	bool to = is_local(x->scene, t->family, t->daddr);
	const struct service *s = service_of(x->p, t);

	if (from || to)
		return from && to ? WAY_WITHIN : from ? WAY_OUT : WAY_IN;
	if (!alone || (s && s->roles & ROLE_ROUTER))
		return WAY_THROUGH;
	return !s || s->roles & ROLE_SERVER ? WAY_IN : WAY_OUT;
}

static void put_device(struct flow_sample *s, enum flow_part p,
		       const struct scene *scene, enum flow_way way)
{
	const struct iface_set *devices = &scene->ends.devices;
	const char *name = way == WAY_WITHIN ? "lo" :
			   devices->n ? devices->v[0].name : "eth0";

	memcpy(s->key[p], name, strlen(name));
}

static void put_devices(struct prove_case *c, const struct scene *s)
{
	if (c->flow.way != WAY_OUT)
		put_device(&c->sample, FLOW_IN, s, c->flow.way);
	if (c->flow.way != WAY_IN)
		put_device(&c->sample, FLOW_OUT, s, c->flow.way);
}

static int add_test(struct finding *x, const struct packet_test *t, bool alone)
{
	struct prove_case *c = add(x->c);
	uint16_t cport = htons(t->sport), sport = htons(t->dport);

	if (!c)
		return -ENOMEM;
	c->test = t;
	c->flow = (struct flow_space){
		.way = way_of(x, t, alone), .family = t->family,
		.proto = service_protocol(t->proto, t->family),
	};
	memcpy(c->sample.key[FLOW_CLIENT], t->saddr, sizeof(t->saddr));
	memcpy(c->sample.key[FLOW_SERVER], t->daddr, sizeof(t->daddr));
	memcpy(c->sample.key[FLOW_CPORT], &cport, sizeof(cport));
	memcpy(c->sample.key[FLOW_SPORT], &sport, sizeof(sport));
	put_devices(c, x->scene);
	return 0;
}

static void name_device(struct flow_sample *s, enum flow_part p,
			const char *name)
{
	memset(s->key[p], 0, sizeof(s->key[p]));
	memcpy(s->key[p], name, strnlen(name, 15));
}

int cases_ask(struct cases *c, const struct asked *a, const struct scene *s)
{
	struct prove_case *one = add(c);
	bool ports = protocol_has_ports(a->proto);
	uint16_t cport = htons(a->cport ? a->cport :
			       ports ? s->ephemeral.first : 0);
	uint16_t sport = htons(a->sport);

	if (!one)
		return -ENOMEM;
	one->asked = true;
	one->cport_said = a->cport;
	one->flow = (struct flow_space){ .way = a->way, .family = a->family,
					 .proto = a->proto };
	memcpy(one->sample.key[FLOW_CLIENT], a->client, sizeof(a->client));
	memcpy(one->sample.key[FLOW_SERVER], a->server, sizeof(a->server));
	memcpy(one->sample.key[FLOW_CPORT], &cport, sizeof(cport));
	memcpy(one->sample.key[FLOW_SPORT], &sport, sizeof(sport));
	put_devices(one, s);
	if (a->in && one->flow.way != WAY_OUT)
		name_device(&one->sample, FLOW_IN, a->in);
	if (a->out && one->flow.way != WAY_IN)
		name_device(&one->sample, FLOW_OUT, a->out);
	return 0;
}

int cases_find(struct cases *c, const struct policy *p, const struct scene *s,
	       const struct foreign *f, bool alone)
{
	struct finding x = { .c = c, .p = p, .scene = s, .f = f };
	int err = 0;

	for (size_t i = 0; !err && i < p->n_services; i++)
		err = ends_each_way(&s->ends, p, &p->services[i], f, add_way,
				    &x);
	for (size_t i = 0; !err && i < p->n_tests; i++)
		err = add_test(&x, &p->tests[i], alone);
	return err;
}

bool cases_are_alike(const struct prove_case *a, const struct prove_case *b)
{
	return !a->test && !b->test && a->service == b->service &&
	       a->flow.way == b->flow.way &&
	       a->flow.family == b->flow.family &&
	       a->flow.proto == b->flow.proto;
}

static void outcome_release(struct outcome_of *o)
{
	free(o->by[0]);
	free(o->by[1]);
}

void cases_release(struct cases *c)
{
	for (size_t i = 0; i < c->n; i++) {
		outcome_release(&c->v[i].bare);
		outcome_release(&c->v[i].now);
	}
	free(c->v);
	*c = (struct cases){ 0 };
}
