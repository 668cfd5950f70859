/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/private_net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/mem.h"
#include "host/host.h"
#include "host/netlink.h"

/* Devices that come later take what `default` says. */
static int set_up(void)
{
	static const struct {
		const char *path, *value;
		bool needed;
	} rows[] = {
		{ "/proc/sys/net/ipv4/ip_forward", "1", true },
		{ "/proc/sys/net/ipv4/conf/all/rp_filter", "0", true },
		{ "/proc/sys/net/ipv4/conf/default/rp_filter", "0", true },
		{ "/proc/sys/net/ipv4/icmp_ratelimit", "0", false },
		/* a kernel may go without IPv6 */
		{ "/proc/sys/net/ipv6/conf/all/forwarding", "1", false },
		{ "/proc/sys/net/ipv6/conf/default/accept_dad", "0", false },
		{ "/proc/sys/net/ipv6/conf/default/router_solicitations", "0",
		  false },
		/* crafted packets are right but for what nobody looks at */
		{ "/proc/sys/net/netfilter/nf_conntrack_checksum", "0", false },
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(rows); i++) {
		err = host_write(rows[i].path, rows[i].value);
		if (!rows[i].needed)
			err = 0;
	}
	return err;
}

/* Nobody is asked for the address of a neighbour. */
static int bring_up(const char *name)
{
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err = 0;

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &r))
		err = -errno;
	r.ifr_flags |= IFF_UP | IFF_NOARP;
	if (!err && ioctl(fd, SIOCSIFFLAGS, &r))
		err = -errno;
	close(fd);
	return err;
}

/* The networks that this process moves between. */
static int far_net = -1, near_net = -1;

static int open_own_net(int *ret)
{
	if (*ret >= 0)
		close(*ret);
	*ret = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

/* The first network is for the far ends, and the second one is entered. */
static int make_nets(void)
{
	static bool entered;
	int err = 0;

	if (!entered)
		err = host_enter_private_netns();
	else if (unshare(CLONE_NEWNET))
		err = -errno;
	entered |= !err;
	if (!err)
		(void)host_write("/proc/sys/net/ipv6/conf/default/disable_ipv6",
				 "1");
	if (!err)
		err = open_own_net(&far_net);
	if (!err && unshare(CLONE_NEWNET))
		err = -errno;
	return err ? err : open_own_net(&near_net);
}

int private_net_enter(void)
{
	int err = make_nets();

	if (!err)
		err = set_up();
	return err ? err : bring_up("lo");
}

/* A file that is there as long as the process, and nobody else's. */
int private_net_own_lock(void)
{
	return setenv("XTABLES_LOCKFILE", "/proc/self/comm", 1) ? -errno : 0;
}

int private_net_ephemeral(struct port_range r)
{
	char text[32];

	snprintf(text, sizeof(text), "%u %u", r.first, r.last);
	return host_write("/proc/sys/net/ipv4/ip_local_port_range", text);
}

static int take_nothing(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

/* What is there already is as good. */
static int tell(struct nlmsghdr *nlh)
{
	struct netlink n;
	int err = netlink_open(&n, NETLINK_ROUTE);

	if (err)
		return err;
	err = netlink_ask(&n, nlh, take_nothing, NULL);
	netlink_close(&n);
	return err == -EEXIST ? 0 : err;
}

static int tell_address(uint16_t type, uint16_t flags, const char *name,
			uint8_t family, const uint8_t *addr)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *nlh = netlink_put(buf, type, flags | NLM_F_ACK, 0);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));

	m->ifa_family = family;
	m->ifa_prefixlen = addr_bits(family);
	m->ifa_flags = IFA_F_NODAD;
	m->ifa_index = if_nametoindex(name);
	mnl_attr_put(nlh, IFA_LOCAL, addr_bytes(family), addr);
	mnl_attr_put(nlh, IFA_ADDRESS, addr_bytes(family), addr);
	return tell(nlh);
}

static int take_route_type(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *m = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type == RTM_NEWROUTE)
		*(uint8_t *)arg = m->rtm_type;
	return 0;
}

/* Has the address its local route? */
static int is_there(struct netlink *n, const uint8_t *addr, bool *ret)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *nlh = netlink_put_route_query(buf, AF_INET6, addr);
	uint8_t type = RTN_UNSPEC;
	int err = netlink_ask(n, nlh, take_route_type, &type);

	*ret = type == RTN_LOCAL;
	return err == -ENETUNREACH || err == -EHOSTUNREACH ? 0 : err;
}

#define READY_MS 2000

int private_net_await(uint8_t family, const uint8_t *addr)
{
	const struct timespec pause = { 0, 1000 * 1000 };
	struct netlink n;
	bool there = false;
	int err;

	if (family == AF_INET)
		return 0;
	err = netlink_open(&n, NETLINK_ROUTE);
	if (err)
		return err;
	for (int i = 0; !err && !there && i < READY_MS; i++) {
		if (i)
			nanosleep(&pause, NULL);
		err = is_there(&n, addr, &there);
	}
	netlink_close(&n);
	return err || there ? err : -ETIMEDOUT;
}

int private_net_address(const char *name, uint8_t family, const uint8_t *addr)
{
	return tell_address(RTM_NEWADDR, NLM_F_CREATE, name, family, addr);
}

int private_net_no_address(const char *name, uint8_t family,
			   const uint8_t *addr)
{
	return tell_address(RTM_DELADDR, 0, name, family, addr);
}

int private_net_route(const char *name, uint8_t family, const uint8_t *addr)
{
	_Alignas(struct nlmsghdr) char buf[256];
	struct nlmsghdr *nlh = netlink_put(buf, RTM_NEWROUTE,
					   NLM_F_CREATE | NLM_F_REPLACE |
						   NLM_F_ACK, 0);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));

	m->rtm_family = family;
	m->rtm_dst_len = addr_bits(family);
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_DST, addr_bytes(family), addr);
	mnl_attr_put_u32(nlh, RTA_OIF, if_nametoindex(name));
	return tell(nlh);
}

static const uint8_t near_address[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };

/* ip link add NAME address ... type veth peer name NAME netns FAR */
static int make_pair(const char *name)
{
	_Alignas(struct nlmsghdr) char buf[512];
	struct nlmsghdr *nlh = netlink_put(buf, RTM_NEWLINK,
					   NLM_F_CREATE | NLM_F_EXCL |
						   NLM_F_ACK, 0);
	struct nlattr *info, *data, *peer;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(near_address), near_address);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_str(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (uint32_t)far_net);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return tell(nlh);
}

/* In the far network. */
static int open_far_end(struct wire *w)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL) };
	int err = bring_up(w->name);

	if (err)
		return err;
	w->far = if_nametoindex(w->name);
	at.sll_ifindex = (int)w->far;
	w->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		       0);
	if (w->fd < 0)
		return -errno;
	return bind(w->fd, (const void *)&at, sizeof(at)) ? -errno : 0;
}

int wire_open(const char *name, struct wire *ret)
{
	struct wire w = { .fd = -1 };
	int err = make_pair(name);

	snprintf(w.name, sizeof(w.name), "%s", name);
	if (!err)
		err = bring_up(name);
	if (!err && setns(far_net, CLONE_NEWNET))
		err = -errno;
	if (err)
		return err;
	err = open_far_end(&w);
	/* it could go on in the wrong network */
	if (setns(near_net, CLONE_NEWNET))
		abort();
	if (err) {
		wire_close(&w);
		return err;
	}
	*ret = w;
	return 0;
}

void wire_close(struct wire *w)
{
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

int wire_write(const struct wire *w, const uint8_t *v, size_t n)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_ifindex = (int)w->far,
		.sll_protocol = htons(n && *v >> 4 == 6 ? ETH_P_IPV6 :
							  ETH_P_IP),
		.sll_halen = sizeof(near_address),
	};

	memcpy(to.sll_addr, near_address, sizeof(near_address));
	return sendto(w->fd, v, n, 0, (const void *)&to, sizeof(to)) < 0 ?
		       -errno : 0;
}

ssize_t wire_read(const struct wire *w, uint8_t *v, size_t n)
{
	ssize_t got = recv(w->fd, v, n, 0);

	return got < 0 ? -errno : got;
}
