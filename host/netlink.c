/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/netlink.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "core/inet.h"

/* How often an interrupted dump is requested again. */
#define TRIES 10

int netlink_open(struct netlink *n, int bus)
{
	struct netlink x = { .nl = mnl_socket_open2(bus, SOCK_CLOEXEC) };
	int err;

	if (!x.nl)
		return -errno;
	if (mnl_socket_bind(x.nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		netlink_close(&x);
		return err;
	}
	*n = x;
	return 0;
}

void netlink_close(struct netlink *n)
{
	if (n->nl)
		mnl_socket_close(n->nl);
	*n = (struct netlink){ 0 };
}

struct nlmsghdr *netlink_put(void *buf, uint16_t type, uint16_t flags,
			     uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = seq;
	return nlh;
}

struct nlmsghdr *netlink_put_nf(void *buf, uint8_t subsys, uint8_t type,
				uint16_t flags, uint8_t family, uint32_t seq)
{
	struct nlmsghdr *nlh = netlink_put(buf, (uint16_t)(subsys << 8 | type),
					   flags, seq);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

struct nlmsghdr *netlink_put_route_query(void *buf, uint8_t family,
					 const uint8_t *to)
{
	size_t width = addr_bytes(family);
	struct nlmsghdr *nlh = netlink_put(buf, RTM_GETROUTE, 0, 0);
	struct rtmsg *rt = mnl_nlmsg_put_extra_header(nlh, sizeof(*rt));

	rt->rtm_family = family;
	rt->rtm_dst_len = (uint8_t)(width * 8);
	mnl_attr_put(nlh, RTA_DST, width, to);
	return nlh;
}

static void set_room(int fd, int force, int ask, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)))
		(void)setsockopt(fd, SOL_SOCKET, ask, &bytes, sizeof(bytes));
}

void netlink_send_room(int fd, int bytes)
{
	set_room(fd, SO_SNDBUFFORCE, SO_SNDBUF, bytes);
}

void netlink_receive_room(int fd, int bytes)
{
	set_room(fd, SO_RCVBUFFORCE, SO_RCVBUF, bytes);
}

/* The kernel's verdict in NLMSG_ERROR and, for most dumps, NLMSG_DONE. */
static int verdict_of(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const int *done = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);

	if (nlh->nlmsg_type == NLMSG_DONE)
		return len < sizeof(*done) ? 0 : *done;
	return len < sizeof(*e) ? -EBADMSG : e->error;
}

static void take_message(struct netlink_answer *a, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq != a->seq)
		return;
	if (a->watch)
		a->watch(nlh);
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		a->interrupted = true;
	if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
		a->done = true;
		if (!a->err)
			a->err = verdict_of(nlh);
		return;
	}
	if (!a->err)
		a->err = a->take(nlh, a->arg);
	a->done |= !a->dump && !a->many;
}

int netlink_receive(struct mnl_socket *nl, void *buf, size_t size,
		    struct netlink_answer *a)
{
	while (!a->done) {
		ssize_t n = mnl_socket_recvfrom(nl, buf, size);
		const struct nlmsghdr *nlh = buf;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left))
			take_message(a, nlh);
	}
	return a->err ? a->err : a->interrupted ? -EINTR : 0;
}

#define PACKETS 64

static int take_packet(struct netlink_answer *a, const void *buf,
		       const struct mmsghdr *m)
{
	const struct nlmsghdr *nlh = buf;
	int left = (int)m->msg_len;

	if (m->msg_hdr.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		take_message(a, nlh);
	return 0;
}

int netlink_receive_many(struct mnl_socket *nl, void *buf, size_t size,
			 struct netlink_answer *a)
{
	unsigned int room = (unsigned int)(size / NETLINK_SMALL);
	struct mmsghdr m[PACKETS];
	struct iovec v[PACKETS];
	uint8_t *at = buf;

	if (room > PACKETS)
		room = PACKETS;
	for (unsigned int i = 0; i < room; i++)
		v[i] = (struct iovec){ at + i * NETLINK_SMALL, NETLINK_SMALL };
	while (!a->done) {
		int n, err = 0;

		for (unsigned int i = 0; i < room; i++)
			m[i] = (struct mmsghdr){ .msg_hdr = {
				.msg_iov = &v[i], .msg_iovlen = 1 } };
		n = recvmmsg(mnl_socket_get_fd(nl), m, room, MSG_WAITFORONE,
			     NULL);
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++) {
			int e = take_packet(a, v[i].iov_base, &m[i]);

			err = err ? err : e;
		}
		if (err && !a->err)
			a->err = err;
	}
	return a->err;
}

static int ask_once(struct netlink *n, struct nlmsghdr *nlh,
		    int (*take)(const struct nlmsghdr *nlh, void *arg),
		    void *arg)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_DUMP_SIZE];
	struct netlink_answer a = {
		.take = take, .arg = arg, .seq = ++n->seq,
		.dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP,
	};

	nlh->nlmsg_seq = a.seq;
	if (mnl_socket_sendto(n->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return netlink_receive(n->nl, buf, sizeof(buf), &a);
}

int netlink_ask(struct netlink *n, struct nlmsghdr *nlh,
		int (*take)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	int err = -EINTR;

	for (unsigned int i = 0; err == -EINTR && i < TRIES; i++)
		err = ask_once(n, nlh, take, arg);
	return err;
}
