/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/import_meeting.c: what two legs have in common, as a service. */
#include <netinet/in.h>
#include <string.h>

#include "audit/import_pairing.h"
#include "audit/inet_sets.h"
#include "core/mem.h"

#define SERVICES_MAX 200000	/* before they are put together */

void meeting_release(struct meeting *s)
{
	prefix_set_release(&s->clients);
	prefix_set_release(&s->servers);
	iface_set_release(&s->ifaces);
}

static int meet_sets(const struct prefix_set *a, const struct prefix_set *b,
		     struct prefix_set *ret, bool *meets)
{
	int err;

	if (!a->n || !b->n)
		return prefix_set_copy(a->n ? a : b, AF_UNSPEC, ret);
	err = prefixes_meet(a, b, ret);
	if (!err)
		*meets &= ret->n > 0;
	return err;
}

static int unite_ifaces(const struct iface_set *a, const struct iface_set *b,
			struct iface_set *ret)
{
	int err = a->n && b->n ? iface_set_copy(a, ret) : 0;

	for (size_t i = 0; !err && ret->n && i < b->n; i++)
		err = iface_set_add(ret, &b->v[i]);
	iface_set_normalize(ret);
	return err;
}

/* A router's interfaces are those of both sides. */
static int meet_interfaces(const struct import_leg *a,
			   const struct import_leg *b, bool routes,
			   struct meeting *s)
{
	const struct iface_set *x = ifaces_of(a), *y = ifaces_of(b);
	int err;

	if (!routes && (!x->n || !y->n))
		return iface_set_copy(x->n ? x : y, &s->ifaces);
	if (!routes) {
		err = ifaces_meet(x, y, &s->ifaces);
		if (err || s->ifaces.n)
			return err;
	}
	s->own_ifaces = ifaces_cmp(x, y);
	return unite_ifaces(x, y, &s->ifaces);
}

int meeting_of(const struct import_leg *request,
	       const struct import_leg *reply, bool routes, struct meeting *ret,
	       bool *ret_meets)
{
	_cleanup_(meeting_release) struct meeting s = { 0 };
	bool meets = true;
	int err = meet_sets(clients_of(request, LEG_REQUESTS),
			    clients_of(reply, LEG_REPLIES), &s.clients,
			    &meets);

	if (!err && meets)
		err = meet_sets(servers_of(request, LEG_REQUESTS),
				servers_of(reply, LEG_REPLIES), &s.servers,
				&meets);
	if (!err && meets)
		err = meet_interfaces(request, reply, routes, &s);
	if (err)
		return err;
	*ret_meets = meets;
	*ret = s;
	memset(&s, 0, sizeof(s));
	return 0;
}

int pairing_add(struct pairing *p, unsigned int role, struct meeting *s,
		unsigned int notes, const struct import_leg *a,
		const struct import_leg *b)
{
	struct import *im = p->im;
	struct import_service *x;
	int err;

	if (p->dry)
		return 0;
	if (im->n >= SERVICES_MAX) {
		im->cut = true;
		return 0;
	}
	err = mem_grow(&im->v, &im->cap, im->n + 1);
	if (err)
		return err;
	x = &im->v[im->n];
	*x = (struct import_service){
		.roles = role,
		.notes = notes | a->notes | (b ? b->notes : 0) |
			 (s->own_ifaces ? IMPORT_INTERFACES : 0),
		.box = { .families = p->family, .dst_types = 0xffff,
			 .src = s->clients, .dst = s->servers,
			 .iif = s->ifaces },
	};
	*s = (struct meeting){ 0 };
	im->n++;
	if (p->proto == EVERY_PROTOCOL)
		memset(x->box.protos, 0xff, sizeof(x->box.protos));
	else
		x->box.protos[p->proto / 64] = UINT64_C(1) << p->proto % 64;
	if (p->has_ports)
		err = port_set_add(&x->box.dport, p->ports);
	if (!err)
		err = rule_list_add(&x->rules, a->use);
	if (!err && b)
		err = rule_list_add(&x->rules, b->use);
	return err;
}
