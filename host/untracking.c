/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/untracking.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "host/ipvs.h"
#include "host/netlink.h"

static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;
	bool *vrf = arg;

	if (nlh->nlmsg_type != RTM_NEWRULE)
		return 0;
	netlink_for_each_attr(a, nlh, sizeof(struct fib_rule_hdr))
		*vrf |= netlink_attr_type(a) == FRA_L3MDEV;
	return 0;
}

/* Of any family. A kernel without routing rules has no VRF either. */
static int has_vrf(bool *ret)
{
	char buf[128];
	struct nlmsghdr *nlh = netlink_put(buf, RTM_GETRULE, NLM_F_DUMP, 0);
	struct netlink link = { 0 };
	bool vrf = false;
	int err;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct fib_rule_hdr));
	err = netlink_open(&link, NETLINK_ROUTE);
	if (!err)
		err = netlink_ask(&link, nlh, take_rule, &vrf);
	netlink_close(&link);
	if (err == -ENOMEM)
		return err;
	*ret = err ? err != -EOPNOTSUPP : vrf;
	return 0;
}

int untracking_sends(bool *ret)
{
	bool ipvs = true, vrf = true;
	int err = ipvs_serves(&ipvs);

	if (err != -ENOMEM)
		err = has_vrf(&vrf);
	if (!err)
		*ret = ipvs || vrf;
	return err;
}
