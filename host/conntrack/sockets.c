/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/mem.h"
#include "host/conntrack/ctnetlink.h"

/* A connection whose two ends may still have something to say. */
#define OPEN_STATES (1 << TCP_ESTABLISHED | 1 << TCP_CLOSE_WAIT | \
		     1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2)

static void unmap(struct flow *f)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (f->family != AF_INET6 || memcmp(f->daddr, mapped, 12))
		return;
	f->family = AF_INET;
	memmove(f->saddr, f->saddr + 12, 4);
	memmove(f->daddr, f->daddr + 12, 4);
}

static int add(struct sockets *s, const struct inet_diag_msg *m)
{
	struct flow f = {
		.family = m->idiag_family, .proto = IPPROTO_TCP,
		.sport = ntohs(m->id.idiag_dport),
		.dport = ntohs(m->id.idiag_sport),
		.to_local = true,
	};

	memcpy(f.saddr, m->id.idiag_dst, sizeof(f.saddr));
	memcpy(f.daddr, m->id.idiag_src, sizeof(f.daddr));
	unmap(&f);
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return -ENOMEM;
	s->v[s->n++] = f;
	return 0;
}

static int look_at(const struct nlmsghdr *nlh, void *data)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct sockets *s = data;
	uint16_t port;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return MNL_CB_OK;
	port = ntohs(m->id.idiag_sport);
	if (m->idiag_state == TCP_LISTEN) {
		s->listens[port / 8] |= (uint8_t)(1 << port % 8);
	} else if (add(s, m)) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static int dump(struct mnl_socket *nl, struct sockets *s, uint8_t family)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct inet_diag_req_v2 *req;

	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = family;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = family;
	req->sdiag_protocol = IPPROTO_TCP;
	req->idiag_states = OPEN_STATES | 1 << TCP_LISTEN;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return ctnl_receive_dump(nl, family, look_at, s);
}

int sockets_read(struct sockets *s)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_SOCK_DIAG,
						 SOCK_CLOEXEC);
	int r;

	*s = (struct sockets){ 0 };
	if (!nl)
		return -errno;
	r = mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;
	if (!r)
		r = dump(nl, s, AF_INET);
	if (!r)
		r = dump(nl, s, AF_INET6);
	mnl_socket_close(nl);
	if (r)
		sockets_release(s);
	return r;
}

bool sockets_serve(const struct sockets *s, const struct flow *f)
{
	return s->listens[f->dport / 8] & 1 << f->dport % 8;
}

void sockets_release(struct sockets *s)
{
	free(s->v);
	*s = (struct sockets){ 0 };
}
