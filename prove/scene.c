/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "prove/scene.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/inet_sets.h"
#include "core/fault.h"
#include "core/mem.h"
#include "host/host.h"

/* Of documentation (RFC 5737, RFC 3849), where a host has none of a family. */
static const struct prefix examples[] = {
	{ .family = AF_INET, .len = 32, .addr = { 198, 51, 100, 1 } },
	{ .family = AF_INET6, .len = 128,
	  .addr = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 1 } },
};

static bool has_family(const struct prefix_set *s, uint8_t family)
{
	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		if (p.family == family && prefix_is_host(&p))
			return true;
	}
	return false;
}

static int add_examples(struct scene *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(examples); i++) {
		if (has_family(&s->ends.outside, examples[i].family))
			continue;
		err = prefix_set_add(&s->ends.outside, &examples[i]);
		if (!err)
			err = prefix_set_add(&s->ends.all, &examples[i]);
	}
	return err;
}

static bool has_device(const struct iface_set *all, const struct iface *want)
{
	for (size_t i = 0; i < all->n; i++)
		if (iface_covers(want, &all->v[i]))
			return true;
	return !strcmp(want->name, "lo");
}

/* "wan*" is met by wan0. */
static int add_device(struct iface_set *all, const struct iface *want)
{
	struct iface dev = { 0 };

	if (has_device(all, want))
		return 0;
	memcpy(dev.name, want->name, sizeof(dev.name));
	if (want->wild && strlen(dev.name) < sizeof(dev.name) - 1)
		dev.name[strlen(dev.name)] = '0';
	return iface_set_add(all, &dev);
}

int scene_add_devices(struct scene *s, const struct policy *p)
{
	static const struct iface usual = { .name = "eth0" };
	struct iface_set *all = &s->ends.devices;
	int err = all->n ? 0 : iface_set_add(all, &usual);

	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; !err && k < p->services[i].ifaces.n; k++)
			err = add_device(all, &p->services[i].ifaces.v[k]);
	return err;
}

/* Of a link alone: who calls such an address names the device as well. */
static int leave_link_local_out(struct prefix_set *s)
{
	_cleanup_(prefix_set_release) struct prefix_set all = *s;
	int err = 0;

	*s = (struct prefix_set){ 0 };
	for (size_t i = 0; !err && i < all.n; i++) {
		struct prefix p = prefix_set_at(&all, i);

		if (p.family != AF_INET6 || p.addr[0] != 0xfe ||
		    (p.addr[1] & 0xc0) != 0x80)
			err = prefix_set_add(s, &p);
	}
	return err;
}

int scene_look(struct scene *s, bool of_file, struct diags *d)
{
	int err = of_file ? 0 : ends_find(&s->ends);

	s->ephemeral = (struct port_range){ 32768, 60999 };
	(void)host_ephemeral_ports(&s->ephemeral);
	if (err)
		return diag_add(d, DIAG_ERROR, err, ID_NO_WITNESS, NOPOS,
				"the addresses of this host cannot be read: %s",
				strerror(-err));
	err = leave_link_local_out(&s->ends.outside);
	if (!err)
		err = leave_link_local_out(&s->ends.all);
	return err ? err : add_examples(s);
}

static int put_addresses(const struct scene *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->ends.outside.n; i++) {
		struct prefix p = prefix_set_at(&s->ends.outside, i);

		if (prefix_is_host(&p))
			err = private_net_address("lo", p.family, p.addr);
	}
	return err;
}

int scene_enter(struct scene *s, struct diags *d)
{
	int err = private_net_enter();

	if (err) {
		diag_add(d, DIAG_ERROR, 0, ID_NO_NAMESPACE, NOPOS,
			 "cannot make a private user and network namespace: %s",
			 strerror(-err));
		diag_help(d, "the kernel must allow user namespaces; root needs CAP_SYS_ADMIN instead");
		return -FAULT_LACKING;
	}
	err = private_net_own_lock();
	if (!err)
		err = private_net_ephemeral(s->ephemeral);
	if (!err)
		err = put_addresses(s);
	return !err ? 0 : diag_add(d, DIAG_ERROR, err, ID_NO_WITNESS, NOPOS,
				   "a private network cannot be set up: %s",
				   strerror(-err));
}

static int no_wire(const char *name, int err, struct diags *d)
{
	diag_add(d, DIAG_ERROR, 0, ID_NO_WITNESS, NOPOS,
		 "no device %s can be made in a private network: %s", name,
		 strerror(-err));
	diag_help(d, "load the module veth");
	return -FAULT_LACKING;
}

static int find_wire(struct scene *s, const uint8_t *key, struct wire **ret,
		     struct diags *d)
{
	char name[16] = "";
	int err;

	memcpy(name, key, sizeof(name) - 1);
	*ret = NULL;
	if (!*name || !strcmp(name, "lo"))
		return 0;
	for (size_t i = 0; i < s->n && !*ret; i++)
		if (!strcmp(s->wires[i].name, name))
			*ret = &s->wires[i];
	if (*ret)
		return 0;
	if (mem_grow(&s->wires, &s->cap, s->n + 1))
		return -ENOMEM;
	err = wire_open(name, &s->wires[s->n]);
	if (err)
		return no_wire(name, err, d);
	*ret = &s->wires[s->n++];
	return 0;
}

#define DEVICES_MAX 64

int scene_make_device(struct scene *s, const char *name, struct diags *d)
{
	uint8_t key[TERM_KEY_MAX] = { 0 };
	struct wire *unused;

	memcpy(key, name, strnlen(name, sizeof(key) - 1));
	return s->n < DEVICES_MAX ? find_wire(s, key, &unused, d) : 0;
}

static uint16_t port_of(const struct flow_sample *s, enum flow_part p)
{
	uint16_t port;

	memcpy(&port, s->key[p], sizeof(port));
	return ntohs(port);
}

static bool is_hosts(const struct scene *s, uint8_t family,
		     const uint8_t *addr)
{
	struct prefix one = prefix_of_one(family, addr);

	for (size_t i = 0; i < s->ends.all.n; i++) {
		struct prefix p = prefix_set_at(&s->ends.all, i);

		if (!prefix_cmp(&p, &one))
			return true;
	}
	return false;
}

/* What was lent for another connection may be somebody else's in this one. */
static int forget_lent(struct scene *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->n_lent; i++)
		err = private_net_no_address(s->lent[i].device,
					     s->lent[i].family,
					     s->lent[i].addr);
	s->n_lent = 0;
	return err;
}

static int put_own(struct scene *s, const char *device, uint8_t family,
		   const uint8_t *addr)
{
	struct lent_address *l = &s->lent[s->n_lent];
	int err;

	if (!is_hosts(s, family, addr) && s->n_lent < ARRAY_SIZE(s->lent)) {
		*l = (struct lent_address){ .family = family };
		snprintf(l->device, sizeof(l->device), "%s", device);
		memcpy(l->addr, addr, addr_bytes(family));
		s->n_lent++;
	}
	err = private_net_address(device, family, addr);
	return err ? err : private_net_await(family, addr);
}

static int put_ends(struct scene *s, const struct call *t)
{
	const char *in = t->in ? t->in->name : "lo";
	const char *out = t->out ? t->out->name : "lo";
	bool serves = t->way == WAY_IN || t->way == WAY_WITHIN;
	bool asks = t->way == WAY_OUT || t->way == WAY_WITHIN;
	int err = forget_lent(s);

	if (!err)
		err = serves ? put_own(s, in, t->family, t->server) :
			       private_net_route(out, t->family, t->server);
	if (err || (serves && asks && !memcmp(t->client, t->server, 16)))
		return err;
	return asks ? put_own(s, out, t->family, t->client) :
		      private_net_route(in, t->family, t->client);
}

int scene_place(struct scene *s, const struct flow_space *sp,
		const struct flow_sample *sample, struct call *ret,
		struct diags *d)
{
	struct call t = { .way = sp->way, .family = sp->family,
			  .proto = sp->proto };
	size_t n = addr_bytes(sp->family);
	struct wire *in, *out;
	int err = find_wire(s, sample->key[FLOW_IN], &in, d);

	if (!err)
		err = find_wire(s, sample->key[FLOW_OUT], &out, d);
	/* the second may have moved the first */
	if (!err)
		err = find_wire(s, sample->key[FLOW_IN], &in, d);
	if (err)
		return err;
	t.in = in;
	t.out = out;
	memcpy(t.client, sample->key[FLOW_CLIENT], n);
	memcpy(t.server, sample->key[FLOW_SERVER], n);
	t.cport = port_of(sample, FLOW_CPORT);
	t.sport = port_of(sample, FLOW_SPORT);
	err = put_ends(s, &t);
	if (err)
		return diag_add(d, DIAG_ERROR, err, ID_NO_WITNESS, NOPOS,
				"the private network cannot have an address or a route: %s",
				strerror(-err));
	*ret = t;
	return 0;
}

void scene_leave(struct scene *s)
{
	for (size_t i = 0; i < s->n; i++)
		wire_close(&s->wires[i]);
	s->n = 0;
	s->n_lent = 0;
}

void scene_release(struct scene *s)
{
	scene_leave(s);
	free(s->wires);
	ends_release(&s->ends);
	*s = (struct scene){ 0 };
}
