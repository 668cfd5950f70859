/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/preflight_cases.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/mem.h"
#include "generators/legs.h"

static const struct port_set every_port = {
	.v = (struct port_range[]){ { 1, UINT16_MAX } }, .n = 1,
};

/* Connections to try: of one service in one direction, and of all of them. */
#define SERVICE_MIN 8
#define SERVICE_MAX 256
#define TOTAL_MAX 20000
/* Rules to look at, in all: a few seconds. */
#define SEARCHED_MAX 20000000

static int take_sample(const struct flow_sample *s, void *arg)
{
	struct preflight_cases *x = arg;
	struct attempt *c;

	if (mem_grow(&x->v, &x->cap, x->n + 1))
		return -ENOMEM;
	c = &x->v[x->n++];
	*c = (struct attempt){ .space = x->n_spaces - 1, .sample = *s };
	return 0;
}

static int add_space(struct preflight_cases *x, const struct service *s,
		     const struct flow_space *flow, enum aspect aspect)
{
	struct space *sp;
	bool all = true;
	int err;

	if (mem_grow(&x->spaces, &x->cap_spaces, x->n_spaces + 1))
		return -ENOMEM;
	sp = &x->spaces[x->n_spaces++];
	*sp = (struct space){
		.service = s, .flow = *flow, .aspect = aspect,
		.first = x->n,
	};
	err = samples_of(x->f, &sp->flow, &x->limit, take_sample, x, &all);
	sp->n = x->n - sp->first;
	x->untried |= !all;
	return err;
}

static int add_way(struct preflight_cases *x, const struct service *s,
		   enum flow_way way, uint8_t family, uint8_t proto)
{
	const struct flow_space flow =
		ends_space(&x->ends, s, way, family, proto,
			   x->p->facts.ephemeral);

	return add_space(x, s, &flow, s->timers ? ASPECT_TIMED :
			 way == WAY_WITHIN && service_keeps_own(s, family) ?
			 ASPECT_KEPT : ASPECT_TAKEN_OUT);
}

/*
 * A daemon that sends its own requests from the port that it serves, as NTP's
 * and SIP's do: the answers look like requests to the service, and nobody
 * remembers that they were asked for. TCP's show in their flags what they are.
 */
static int add_twin(struct preflight_cases *x, const struct service *s,
		    enum flow_way way, uint8_t family, uint8_t proto)
{
	static const enum flow_way back[] = {
		[WAY_IN] = WAY_OUT, [WAY_OUT] = WAY_IN,
		[WAY_THROUGH] = WAY_THROUGH,
	};
	const struct flow_space flow = {
		.way = back[way], .family = family, .proto = proto,
		.clients = &s->servers, .servers = &s->clients,
		.local = &x->ends.outside, .ports = &every_port,
		.ifaces = &s->ifaces, .devices = &x->ends.devices,
		.ephemeral = s->ports.n ? s->ports.v[0] :
					  (struct port_range){ 0 },
	};

	return s->ports.n && proto != IPPROTO_TCP && !s->timers ?
		       add_space(x, s, &flow, ASPECT_TWIN) : 0;
}

static int try_way(void *arg, const struct service *s, enum flow_way way,
		   uint8_t family, uint8_t proto)
{
	struct preflight_cases *x = arg;
	int err = add_way(x, s, way, family, proto);

	return err || way == WAY_WITHIN ? err :
	       add_twin(x, s, way, family, proto);
}

/* Two families, this host's own connections, and the twins. */
static size_t count_spaces(const struct policy *p)
{
	size_t n = 1;

	for (size_t i = 0; i < p->n_services; i++)
		n += service_is_any(&p->services[i]) ? 24 : 6;
	return n + p->n_tracked * 6;
}

/* Every service has its share, whichever comes first in the file. */
static void share_out(struct preflight_cases *x)
{
	size_t spaces = count_spaces(x->p->policy);
	size_t n = TOTAL_MAX / spaces;

	x->limit.samples = n < SERVICE_MIN ? SERVICE_MIN :
			   n > SERVICE_MAX ? SERVICE_MAX : n;
	x->limit.rules = SEARCHED_MAX / spaces;
}

int preflight_cases_find(struct preflight_cases *x, const struct plan *p,
			 const struct foreign *f, bool knows_host)
{
	const struct policy *policy = p->policy;
	int err;

	*x = (struct preflight_cases){ .p = p, .f = f };
	err = knows_host ? ends_find(&x->ends) : ends_example(&x->ends);
	share_out(x);
	for (size_t i = 0; !err && i < policy->n_services; i++)
		err = ends_each_way(&x->ends, policy, &policy->services[i], f,
				    try_way, x);
	for (size_t i = 0; !err && i < policy->n_tracked; i++)
		err = ends_each_way(&x->ends, policy, &policy->tracked[i], f,
				    try_way, x);
	return err;
}

void preflight_cases_release(struct preflight_cases *x)
{
	ends_release(&x->ends);
	free(x->spaces);
	free(x->v);
	*x = (struct preflight_cases){ 0 };
}
