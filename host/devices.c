/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/devices.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "host/netlink.h"

static bool is_port(const struct nlattr *info)
{
	const struct nlattr *a;

	netlink_for_each_nested(a, info) {
		const char *kind = netlink_attr_type(a) ==
				   IFLA_INFO_SLAVE_KIND ?
					   netlink_attr_text(a) : NULL;

		if (kind)
			return strcmp(kind, "vrf") != 0;
	}
	return false;
}

static int take_link(const struct nlmsghdr *nlh, void *arg)
{
	const char *name = NULL;
	const struct nlattr *a;
	struct iface dev = { 0 };
	bool port = false;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	netlink_for_each_attr(a, nlh, sizeof(struct ifinfomsg)) {
		if (netlink_attr_type(a) == IFLA_IFNAME)
			name = netlink_attr_text(a);
		else if (netlink_attr_type(a) == IFLA_LINKINFO)
			port = is_port(a);
	}
	if (!name || port || !strcmp(name, "lo"))
		return 0;
	memcpy(dev.name, name, strnlen(name, sizeof(dev.name) - 1));
	return iface_set_add(arg, &dev);
}

int devices_find(struct iface_set *ret)
{
	char buf[128];
	struct nlmsghdr *nlh = netlink_put(buf, RTM_GETLINK, NLM_F_DUMP, 0);
	struct netlink link = { 0 };
	int err;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	err = netlink_open(&link, NETLINK_ROUTE);
	if (!err)
		err = netlink_ask(&link, nlh, take_link, ret);
	netlink_close(&link);
	return err;
}
