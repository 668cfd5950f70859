/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/ends.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "core/mem.h"
#include "generators/legs.h"
#include "host/conntrack/local_addresses.h"
#include "host/devices.h"

static bool is_loopback(const struct prefix *p)
{
	static const uint8_t one[16] = { [15] = 1 };

	return p->family == AF_INET ? p->addr[0] == 127 :
				      !memcmp(p->addr, one, sizeof(one));
}

/* Of the loopback addresses, the one that everybody uses stands first. */
static int find_addresses(struct ends *x)
{
	static const struct prefix first = {
		.family = AF_INET, .len = 32, .addr = { 127, 0, 0, 1 },
	};
	_cleanup_(prefix_set_release) struct prefix_set here = { 0 };
	int err = local_addresses(&here);

	if (!err)
		err = prefix_set_add(&x->all, &first);
	for (size_t i = 0; !err && i < here.n; i++) {
		struct prefix p = prefix_set_at(&here, i);

		err = prefix_set_add(&x->all, &p);
		if (!err && !is_loopback(&p))
			err = prefix_set_add(&x->outside, &p);
	}
	return err;
}

int ends_find(struct ends *ret)
{
	_cleanup_(ends_release) struct ends x = { 0 };
	int err = find_addresses(&x);

	if (!err)
		err = devices_find(&x.devices);
	if (err)
		return err;
	*ret = x;
	x = (struct ends){ 0 };
	return 0;
}

/* RFC 2544 and RFC 5180: of networks that only benchmarks have. */
int ends_example(struct ends *ret)
{
	static const struct prefix own[] = {
		{ .family = AF_INET, .len = 32, .addr = { 127, 0, 0, 1 } },
		{ .family = AF_INET6, .len = 128, .addr = { [15] = 1 } },
		{ .family = AF_INET, .len = 32, .addr = { 198, 18, 0, 1 } },
		{ .family = AF_INET6, .len = 128,
		  .addr = { 0x20, 0x01, 0, 2, [15] = 1 } },
	};
	_cleanup_(ends_release) struct ends x = { 0 };
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(own); i++) {
		err = prefix_set_add(&x.all, &own[i]);
		if (!err && !is_loopback(&own[i]))
			err = prefix_set_add(&x.outside, &own[i]);
	}
	if (err)
		return err;
	*ret = x;
	x = (struct ends){ 0 };
	return 0;
}

void ends_release(struct ends *x)
{
	prefix_set_release(&x->outside);
	prefix_set_release(&x->all);
	iface_set_release(&x->devices);
	*x = (struct ends){ 0 };
}

static bool meets_all(const struct ends *x, const struct prefix *p)
{
	for (size_t i = 0; i < x->all.n; i++) {
		struct prefix own = prefix_set_at(&x->all, i);

		if (prefix_contains(p, &own) || prefix_contains(&own, p))
			return true;
	}
	return false;
}

/* Over loopback both ends have addresses of this host's. */
static bool may_be_here(const struct ends *x, const struct prefix_set *s,
			uint8_t family)
{
	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		if (p.family == family && meets_all(x, &p))
			return true;
	}
	return !s->n;
}

bool ends_meet_within(const struct ends *x, const struct service *s,
		      uint8_t family)
{
	return s->roles & (ROLE_SERVER | ROLE_CLIENT | ROLE_LOOPBACK) &&
	       may_be_here(x, &s->clients, family) &&
	       may_be_here(x, &s->servers, family);
}

bool ends_have(const struct ends *x, const struct prefix *p)
{
	for (size_t i = 0; i < x->all.n; i++) {
		struct prefix own = prefix_set_at(&x->all, i);

		if (prefix_contains(&own, p))
			return true;
	}
	return p->family == AF_INET && p->len >= 8 &&
	       p->addr[0] == IN_LOOPBACKNET;
}

static bool is_all_here(const struct ends *x, const struct prefix_set *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct prefix p = prefix_set_at(s, i);

		if (!ends_have(x, &p))
			return false;
	}
	return s->n;
}

bool ends_are_here(const struct ends *x, const struct service *s)
{
	return !(s->roles & (ROLE_ROUTER | ROLE_LOOPBACK)) &&
	       (!(s->roles & ROLE_SERVER) || is_all_here(x, &s->clients)) &&
	       (!(s->roles & ROLE_CLIENT) || is_all_here(x, &s->servers));
}

static const struct port_set every_port = {
	.v = (struct port_range[]){ { 1, UINT16_MAX } }, .n = 1,
};

/* What most hosts send. */
static size_t common_protocols(uint8_t family, uint8_t *ret)
{
	static const uint8_t all[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP,
				       IPPROTO_GRE, IPPROTO_ESP };

	memcpy(ret, all, sizeof(all));
	ret[sizeof(all)] = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	return sizeof(all) + 1;
}

static size_t add_listed(const struct foreign *f, const struct term *t,
			 uint8_t *ret, size_t n)
{
	const struct key_set *s = &f->sets[t->set];

	if (t->kind != TERM_MATCH || t->n_fields != 1 ||
	    t->field[0] != FIELD_L4PROTO || !s->known)
		return n;
	for (uint32_t i = 0; i < s->n && n < ENDS_PROTOCOLS_MAX; i++) {
		uint8_t proto = f->ranges[s->first + i].first[0];

		if (proto != PROTOCOL_ANY && !memchr(ret, proto, n))
			ret[n++] = proto;
	}
	return n;
}

size_t ends_protocols(const struct foreign *f, const struct service *s,
		      uint8_t family, uint8_t ret[ENDS_PROTOCOLS_MAX])
{
	size_t n = s->n_protocols;

	if (!service_is_any(s)) {
		for (size_t i = 0; i < n; i++)
			ret[i] = service_protocol(s->protocols[i], family);
		return n;
	}
	n = common_protocols(family, ret);
	for (size_t i = 0; i < f->n_terms; i++)
		n = add_listed(f, &f->terms[i], ret, n);
	return n;
}

/* Without an address nobody outside is spoken with. */
static int each_way(const struct ends *x, const struct service *s,
		    uint8_t family, uint8_t proto, ends_way_fn fn, void *arg)
{
	static const struct {
		unsigned int role;
		enum flow_way way;
	} ways[] = {
		{ ROLE_SERVER, WAY_IN },
		{ ROLE_CLIENT, WAY_OUT },
		{ ROLE_ROUTER, WAY_THROUGH },
	};
	bool outside = prefix_set_has_family(&x->outside, family);
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(ways); i++)
		if (s->roles & ways[i].role &&
		    (outside || ways[i].way == WAY_THROUGH))
			err = fn(arg, s, ways[i].way, family, proto);
	if (!err && ends_meet_within(x, s, family))
		err = fn(arg, s, WAY_WITHIN, family, proto);
	return err;
}

int ends_each_way(const struct ends *x, const struct policy *p,
		  const struct service *s, const struct foreign *f,
		  ends_way_fn fn, void *arg)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	uint8_t protocols[ENDS_PROTOCOLS_MAX];
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(families); i++) {
		size_t n = service_in_family(p, s, families[i]) ?
			   ends_protocols(f, s, families[i], protocols) : 0;

		for (size_t k = 0; !err && k < n; k++)
			err = each_way(x, s, families[i], protocols[k], fn,
				       arg);
	}
	return err;
}

struct flow_space ends_space(const struct ends *x, const struct service *s,
			     enum flow_way way, uint8_t family, uint8_t proto,
			     struct port_range ephemeral)
{
	static const struct iface_set every_device;
	bool any = service_is_any(s) && protocol_has_ports(proto);
	bool within = way == WAY_WITHIN;

	return (struct flow_space){
		.way = way, .family = family, .proto = proto,
		.clients = &s->clients, .servers = &s->servers,
		.local = within ? &x->all : &x->outside,
		.ports = any ? &every_port : &s->ports,
		.ifaces = within ? &every_device : &s->ifaces,
		.devices = &x->devices, .ephemeral = ephemeral,
	};
}
