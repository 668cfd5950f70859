/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/samples_plain.c: connections that no rule tells apart. */
#include "audit/samples_parts.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"

static void put_port(struct trial *t, enum flow_part p, uint16_t port)
{
	port = htons(port);
	memcpy(t->s.key[p], &port, sizeof(port));
}

/* Addresses that documentation has (RFC 5737 and RFC 3849). */
static void put_example(const struct search *x, struct trial *t,
			enum flow_part p)
{
	static const uint8_t v4[4] = { 192, 0, 2 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct key_range any = trial_whole(flow_part_bytes(x->space, p));
	uint8_t last = p == FLOW_CLIENT ? 1 : 2;

	memcpy(any.first, x->space->family == AF_INET ? v4 : v6,
	       flow_part_bytes(x->space, p));
	any.first[flow_part_bytes(x->space, p) - 1] = last;
	if (flow_space_meet(x->space, p, &any, t->s.key[p]))
		return;
	any = trial_whole(flow_part_bytes(x->space, p));
	(void)flow_space_meet(x->space, p, &any, t->s.key[p]);
}

static void put_device(struct trial *t, enum flow_part p, const char *name)
{
	size_t n = strlen(name);

	memset(t->s.key[p], 0, sizeof(t->s.key[p]));
	memcpy(t->s.key[p], name, n < IFNAMSIZ ? n : IFNAMSIZ - 1);
}

/* The side of the connection that is not this host has a device. */
static void put_devices(const struct search *x, struct trial *t,
			const char *name)
{
	const struct flow_space *sp = x->space;

	if (sp->way == WAY_WITHIN)
		name = "lo";
	if (sp->way != WAY_OUT)
		put_device(t, FLOW_IN, name);
	if (sp->way != WAY_IN)
		put_device(t, FLOW_OUT, name);
}

/* One that the service's interfaces say: "wan" of wan, "ppp0" of ppp*. */
static void put_named(const struct search *x, struct trial *t,
		      const struct iface *dev)
{
	char name[sizeof(dev->name) + sizeof("eth0")];

	snprintf(name, sizeof(name), "%.15s%s", dev->name,
		 !dev->wild ? "" : *dev->name ? "0" : "eth0");
	put_devices(x, t, name);
}

/*
 * By each of its interfaces that the host has; where it has none, or a text
 * does not show them, by those that the service names.
 */
static int try_devices(struct search *x, struct trial *t)
{
	const struct flow_space *sp = x->space;
	const struct iface_set *of[] = { sp->devices, sp->ifaces };
	bool some = sp->way == WAY_WITHIN;
	int err = 0;

	for (size_t k = 0; !err && k < ARRAY_SIZE(of) && (!k || !some); k++)
		for (size_t i = of[k]->n; !err && i-- > 0;) {
			const struct iface *dev = &of[k]->v[i];

			if (!k && !flow_space_has_device(sp, dev->name))
				continue;
			some = true;
			put_named(x, t, dev);
			err = samples_give(x, t);
		}
	if (!some || sp->way == WAY_WITHIN)
		put_devices(x, t, "eth0");
	return err;
}

static int try_plain(struct search *x, struct trial *t)
{
	const struct flow_space *sp = x->space;
	int err = samples_give(x, t);

	for (size_t i = 0; !err && i < sp->ports->n; i++) {
		put_port(t, FLOW_SPORT, sp->ports->v[i].first);
		err = samples_give(x, t);
		put_port(t, FLOW_SPORT, sp->ports->v[i].last);
		if (!err)
			err = samples_give(x, t);
	}
	if (sp->ports->n)
		put_port(t, FLOW_SPORT, sp->ports->v[0].first);
	return err;
}

int samples_plain(struct search *x, struct trial *t)
{
	const struct flow_space *sp = x->space;
	int err;

	put_example(x, t, FLOW_CLIENT);
	put_example(x, t, FLOW_SERVER);
	if (sp->ports->n) {
		put_port(t, FLOW_CPORT, sp->ephemeral.first);
		put_port(t, FLOW_SPORT, sp->ports->v[0].first);
	}
	err = try_devices(x, t);
	return err ? err : try_plain(x, t);
}
