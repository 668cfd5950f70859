/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/leaving.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

/* IFA_LOCAL, where present, is this host's; IFA_ADDRESS may be the peer's. */
static int choose_address(const struct nlattr *a, void *data)
{
	struct leaving_address *to = data;
	uint16_t type = mnl_attr_get_type(a);
	size_t n = mnl_attr_get_payload_len(a);

	if (type == IFA_FLAGS && n == sizeof(to->flags))
		to->flags = mnl_attr_get_u32(a);
	else if (n == addr_bytes(to->family) &&
		 (type == IFA_LOCAL ||
		  (type == IFA_ADDRESS && to->family == AF_INET6)))
		memcpy(to->addr, mnl_attr_get_payload(a), n);
	return MNL_CB_OK;
}

static int take_address(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct leaving *l = arg;
	struct leaving_address a = {
		.index = ifa->ifa_index, .flags = ifa->ifa_flags,
		.family = ifa->ifa_family, .len = ifa->ifa_prefixlen,
		.scope = ifa->ifa_scope,
	};

	if (nlh->nlmsg_type != RTM_NEWADDR ||
	    (a.family != AF_INET && a.family != AF_INET6))
		return 0;
	mnl_attr_parse(nlh, sizeof(*ifa), choose_address, &a);
	if (mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n++] = a;
	return 0;
}

int leaving_open(struct leaving *l)
{
	char buf[128];
	struct nlmsghdr *nlh = netlink_put(buf, RTM_GETADDR, NLM_F_DUMP, 0);
	struct leaving x = { 0 };
	int err;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifaddrmsg));
	err = netlink_open(&x.link, NETLINK_ROUTE);
	if (!err)
		err = netlink_ask(&x.link, nlh, take_address, &x);
	if (err) {
		leaving_close(&x);
		return err;
	}
	*l = x;
	return 0;
}

void leaving_close(struct leaving *l)
{
	netlink_close(&l->link);
	free(l->v);
	*l = (struct leaving){ 0 };
}

struct route {
	size_t width;
	bool sourced, gated;
	uint8_t source[16], gateway[16];
};

static int choose_parts(const struct nlattr *a, void *data)
{
	struct route *r = data;
	uint16_t type = mnl_attr_get_type(a);

	if (mnl_attr_get_payload_len(a) != r->width)
		return MNL_CB_OK;
	if (type == RTA_PREFSRC) {
		memcpy(r->source, mnl_attr_get_payload(a), r->width);
		r->sourced = true;
	} else if (type == RTA_GATEWAY) {
		memcpy(r->gateway, mnl_attr_get_payload(a), r->width);
		r->gated = true;
	}
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type == RTM_NEWROUTE)
		mnl_attr_parse(nlh, sizeof(struct rtmsg), choose_parts, arg);
	return 0;
}

/* index 0: by whichever device */
static int ask(struct leaving *l, uint8_t family, const uint8_t *to,
	       uint32_t index, struct route *ret)
{
	char buf[256];
	struct nlmsghdr *nlh = netlink_put_route_query(buf, family, to);

	ret->width = addr_bytes(family);
	if (index)
		mnl_attr_put_u32(nlh, RTA_OIF, index);
	return netlink_ask(&l->link, nlh, take_route, ret);
}

static bool is_lo(const char *device)
{
	return !strcmp(device, "lo");
}

/* A secondary address of IPv4, or one that IPv6 is about to give up. */
static bool is_chosen(const struct leaving_address *a, uint8_t family)
{
	uint32_t bad = family == AF_INET ? IFA_F_SECONDARY :
					   IFA_F_DEPRECATED | IFA_F_TENTATIVE;

	return a->family == family && a->scope == RT_SCOPE_UNIVERSE &&
	       !(a->flags & bad);
}

static bool covers(const struct leaving_address *a, const uint8_t *other)
{
	struct prefix own = { .family = a->family, .len = a->len };
	struct prefix one = prefix_of_one(a->family, other);

	memcpy(own.addr, a->addr, sizeof(own.addr));
	return prefix_contains(&own, &one);
}

/* The device's own that has `near` for a neighbour, else the device's first. */
static const struct leaving_address *choose(const struct leaving *l,
					    uint8_t family, uint32_t index,
					    const uint8_t *near)
{
	const struct leaving_address *first = NULL;

	for (size_t i = 0; i < l->n; i++) {
		const struct leaving_address *a = &l->v[i];

		if (!is_chosen(a, family) || (index && a->index != index))
			continue;
		if (near && covers(a, near))
			return a;
		if (!first)
			first = a;
	}
	return first;
}

static bool give(const struct leaving_address *a, uint8_t ret[static 16])
{
	if (a)
		memcpy(ret, a->addr, sizeof(a->addr));
	return a;
}

bool leaving_source(struct leaving *l, uint8_t family, const uint8_t *to,
		    const char *device, uint8_t ret[static 16])
{
	uint32_t index = is_lo(device) ? 0 : if_nametoindex(device);
	struct route r = { 0 };

	if (!index && !is_lo(device))
		return false;
	if (!ask(l, family, to, index, &r) && r.sourced) {
		memcpy(ret, r.source, sizeof(r.source));
		return true;
	}
	return index && give(choose(l, family, index, NULL), ret);
}

bool leaving_reaches(struct leaving *l, uint8_t family, const uint8_t *to)
{
	struct route r = { 0 };

	return !ask(l, family, to, 0, &r);
}

bool leaving_neighbours(const struct leaving *l, uint8_t family,
			const char *device, size_t n, struct prefix *ret)
{
	uint32_t index = if_nametoindex(device);

	for (size_t i = 0; index && i < l->n; i++) {
		const struct leaving_address *a = &l->v[i];

		if (a->index != index || !is_chosen(a, family) || n--)
			continue;
		*ret = (struct prefix){ .family = family, .len = a->len };
		memcpy(ret->addr, a->addr, sizeof(ret->addr));
		for (size_t k = a->len; k < addr_bits(family); k++)
			ret->addr[k / 8] &= (uint8_t)~(0x80 >> k % 8);
		return true;
	}
	return false;
}

bool leaving_has(const struct leaving *l, uint8_t family, const char *device,
		 const uint8_t *address)
{
	uint32_t index = if_nametoindex(device);

	for (size_t i = 0; index && i < l->n; i++)
		if (l->v[i].index == index && l->v[i].family == family &&
		    !memcmp(l->v[i].addr, address, addr_bytes(family)))
			return true;
	return false;
}

bool leaving_device(const struct leaving *l, uint8_t family,
		    const uint8_t *address, char ret[static 16])
{
	char name[IF_NAMESIZE] = "";

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == family &&
		    !memcmp(l->v[i].addr, address, addr_bytes(family)) &&
		    if_indextoname(l->v[i].index, name)) {
			memcpy(ret, name, sizeof(name));
			return true;
		}
	return false;
}

/* IPv6 asks what a socket asks, but for a route's own word. */
static bool masqueraded6(const struct leaving *l, uint32_t index,
			 const uint8_t *from, uint8_t ret[static 16])
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].index == index && l->v[i].family == AF_INET6 &&
		    !memcmp(l->v[i].addr, from, 16))
			return give(&l->v[i], ret);
	return give(choose(l, AF_INET6, index, NULL), ret);
}

bool leaving_masqueraded(struct leaving *l, uint8_t family, const uint8_t *to,
			 const char *device, const uint8_t *from,
			 uint8_t ret[static 16])
{
	uint32_t index = if_nametoindex(device);
	const struct leaving_address *a;
	struct route r = { 0 };

	if (!index)
		return false;
	if (family == AF_INET6)
		return masqueraded6(l, index, from, ret);
	if (ask(l, family, to, index, &r))
		r.gated = false;
	a = choose(l, family, index, r.gated ? r.gateway : to);
	return give(a ? a : choose(l, family, 0, NULL), ret);
}
