/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

#include "core/mem.h"
#include "host/netlink.h"

/* A connection on which both ends may still send. */
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

static int look_at(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *m = mnl_nlmsg_get_payload(nlh);
	struct sockets *s = arg;
	uint16_t port;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return 0;
	port = ntohs(m->id.idiag_sport);
	if (m->idiag_state != TCP_LISTEN)
		return add(s, m);
	s->listens[port / 8] |= (uint8_t)(1 << port % 8);
	return 0;
}

/*
 * The old form of the request: it asks for both families, and the kernel walks
 * the sockets of the whole machine once for it, not twice.
 */
static int dump(struct netlink *n, struct sockets *s)
{
	char buf[256];
	struct nlmsghdr *nlh = netlink_put(buf, TCPDIAG_GETSOCK, NLM_F_DUMP,
					   0);
	struct inet_diag_req *req =
		mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	req->idiag_family = AF_UNSPEC;
	req->idiag_states = OPEN_STATES | 1 << TCP_LISTEN;
	return netlink_ask(n, nlh, look_at, s);
}

int sockets_read(struct sockets *ret)
{
	struct sockets s = { 0 };
	struct netlink n;
	int err = netlink_open(&n, NETLINK_SOCK_DIAG);

	if (err)
		return err;
	err = dump(&n, &s);
	netlink_close(&n);
	if (err)
		sockets_release(&s);
	else
		*ret = s;
	return err;
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
