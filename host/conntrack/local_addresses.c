/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/local_addresses.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "core/mem.h"
#include "host/conntrack/ctnetlink.h"

static int add_address(struct prefix_set *s, uint8_t family,
		       const struct nlattr *a)
{
	struct prefix p = { .family = family,
			    .len = family == AF_INET ? 32 : 128 };

	if (mnl_attr_get_payload_len(a) != p.len / 8)
		return -EINVAL;
	memcpy(p.addr, mnl_attr_get_payload(a), p.len / 8);
	return prefix_set_add(s, &p);
}

/* IFA_LOCAL is ours where there is one; IFA_ADDRESS may be the peer's then. */
static int choose_address(const struct nlattr *a, void *data)
{
	const struct nlattr **found = data;
	uint16_t type = mnl_attr_get_type(a);

	if (type == IFA_LOCAL || (type == IFA_ADDRESS && !*found))
		*found = a;
	return MNL_CB_OK;
}

static int take_address(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *found = NULL;
	int r;

	if (nlh->nlmsg_type != RTM_NEWADDR ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return MNL_CB_OK;
	mnl_attr_parse(nlh, sizeof(*ifa), choose_address, &found);
	r = found ? add_address(data, ifa->ifa_family, found) : 0;
	if (r) {
		errno = -r;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static int dump(struct mnl_socket *nl, struct prefix_set *s)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = 1;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = AF_UNSPEC;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return ctnl_receive_dump(nl, nlh->nlmsg_seq, take_address, s);
}

int local_addresses(struct prefix_set *ret)
{
	static const struct prefix loopback = {
		.family = AF_INET, .len = 8, .addr = { 127 },
	};
	_cleanup_(prefix_set_release) struct prefix_set s = { 0 };
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int r;

	if (!nl)
		return -errno;
	r = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ? -errno : dump(nl, &s);
	mnl_socket_close(nl);
	if (!r)
		r = prefix_set_add(&s, &loopback);
	if (r)
		return r;
	prefix_set_normalize(&s);
	*ret = s;
	s = (struct prefix_set){ 0 };
	return 0;
}
