/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/local_addresses.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "core/mem.h"
#include "host/netlink.h"

/* The routes of a type, and where they go. */
struct routes {
	uint8_t type;
	struct prefix_set *set;
};

static int add_prefix(struct prefix_set *s, uint8_t family, uint8_t len,
		      const struct nlattr *a)
{
	size_t width = addr_bytes(family);
	struct prefix p = { .family = family, .len = len };

	if (len > addr_bits(family))
		return -EBADMSG;
	/* Without a destination: all addresses. */
	if (a && mnl_attr_get_payload_len(a) != width)
		return -EBADMSG;
	if (a)
		memcpy(p.addr, mnl_attr_get_payload(a), width);
	return prefix_set_add(s, &p);
}

static bool is_inet(uint8_t family)
{
	return family == AF_INET || family == AF_INET6;
}

/* IFA_LOCAL, where present, is this host's; IFA_ADDRESS may be the peer's. */
static int choose_address(const struct nlattr *a, void *data)
{
	const struct nlattr **found = data;
	uint16_t type = mnl_attr_get_type(a);

	if (type == IFA_LOCAL || (type == IFA_ADDRESS && !*found))
		*found = a;
	return MNL_CB_OK;
}

static int take_address(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *found = NULL;

	if (nlh->nlmsg_type != RTM_NEWADDR || !is_inet(ifa->ifa_family))
		return 0;
	mnl_attr_parse(nlh, sizeof(*ifa), choose_address, &found);
	return found ? add_prefix(arg, ifa->ifa_family,
				  addr_bits(ifa->ifa_family),
				  found) : 0;
}

static int choose_destination(const struct nlattr *a, void *data)
{
	const struct nlattr **found = data;

	if (mnl_attr_get_type(a) == RTA_DST)
		*found = a;
	return MNL_CB_OK;
}

/*
 * An old kernel ignores the filter and sends every route. Other
 * tables are left out: a local default route there serves a transparent
 * proxy and says nothing about where packets end.
 */
static int take_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *found = NULL;
	const struct routes *r = arg;

	if (nlh->nlmsg_type != RTM_NEWROUTE || !is_inet(rt->rtm_family) ||
	    rt->rtm_type != r->type || rt->rtm_table != RT_TABLE_LOCAL)
		return 0;
	mnl_attr_parse(nlh, sizeof(*rt), choose_destination, &found);
	return add_prefix(r->set, rt->rtm_family, rt->rtm_dst_len, found);
}

static int dump_addresses(struct netlink *n, struct prefix_set *s)
{
	char buf[128];
	struct nlmsghdr *nlh = netlink_put(buf, RTM_GETADDR, NLM_F_DUMP, 0);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = AF_UNSPEC;
	return netlink_ask(n, nlh, take_address, s);
}

static int dump_routes(struct netlink *n, uint8_t family, uint8_t type,
		       struct prefix_set *s)
{
	char buf[128];
	struct nlmsghdr *nlh = netlink_put(buf, RTM_GETROUTE, NLM_F_DUMP, 0);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(nlh, sizeof(*rt));
	struct routes r = { type, s };
	int err;

	rt->rtm_family = family;
	rt->rtm_table = RT_TABLE_LOCAL;
	rt->rtm_type = type;
	err = netlink_ask(n, nlh, take_route, &r);
	/* No such table yet, or no such family in this kernel. */
	if (err == -ENOENT || err == -EOPNOTSUPP || err == -EAFNOSUPPORT)
		return 0;
	return err;
}

/* Filters count from here on; an old kernel lacks the option. */
static void ask_strictly(struct netlink *n)
{
	int on = 1;

	mnl_socket_setsockopt(n->nl, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
}

static int read_local(struct netlink *n, struct prefix_set *s)
{
	static const struct prefix loopback = {
		.family = AF_INET, .len = 8, .addr = { 127 },
	};
	int err = dump_addresses(n, s);

	ask_strictly(n);
	if (!err)
		err = dump_routes(n, AF_INET, RTN_LOCAL, s);
	if (!err)
		err = dump_routes(n, AF_INET6, RTN_LOCAL, s);
	return err ? err : prefix_set_add(s, &loopback);
}

static int read_groups(struct netlink *n, struct prefix_set *s)
{
	static const struct prefix groups[] = {
		{ .family = AF_INET, .len = 4, .addr = { 224 } },
		{ .family = AF_INET, .len = 32,
		  .addr = { 255, 255, 255, 255 } },
		{ .family = AF_INET6, .len = 8, .addr = { 0xff } },
	};
	int err = 0;

	ask_strictly(n);
	for (size_t i = 0; !err && i < ARRAY_SIZE(groups); i++)
		err = prefix_set_add(s, &groups[i]);
	return err ? err : dump_routes(n, AF_INET, RTN_BROADCAST, s);
}

static int read_set(int (*fill)(struct netlink *n, struct prefix_set *s),
		    struct prefix_set *ret)
{
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 };
	struct netlink n = { 0 };
	int err = netlink_open(&n, NETLINK_ROUTE);

	if (err)
		return err;
	err = fill(&n, &s);
	netlink_close(&n);
	if (err)
		return err;
	prefix_set_normalize(&s);
	*ret = s;
	s = (struct prefix_set){ 0 };
	return 0;
}

int local_addresses(struct prefix_set *ret)
{
	return read_set(read_local, ret);
}

int group_addresses(struct prefix_set *ret)
{
	return read_set(read_groups, ret);
}
