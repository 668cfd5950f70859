/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/ctnetlink.h"

#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "core/mem.h"

/* Requests sent at once; each is answered. */
#define BATCH 64
#define MESSAGE_MAX 1024

int ctnl_open(struct ctnl *x)
{
	*x = (struct ctnl){
		.nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC),
	};
	if (!x->nl)
		return -errno;
	return mnl_socket_bind(x->nl, 0, MNL_SOCKET_AUTOPID) ? -errno : 0;
}

void ctnl_close(struct ctnl *x)
{
	if (x->nl)
		mnl_socket_close(x->nl);
	strbuf_release(&x->queue);
	*x = (struct ctnl){ 0 };
}

static struct nlmsghdr *put_head(void *buf, uint16_t type, uint16_t flags,
				 uint8_t family, uint32_t seq)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = seq;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static ssize_t receive(struct mnl_socket *nl, char *buf)
{
	ssize_t n;

	do
		n = mnl_socket_recvfrom(nl, buf, CTNL_RECEIVE_MAX);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int ctnl_receive_dump(struct mnl_socket *nl, uint32_t seq, mnl_cb_t cb,
		      void *data)
{
	char buf[CTNL_RECEIVE_MAX];
	int more;

	do {
		ssize_t n = receive(nl, buf);

		if (n < 0)
			return (int)n;
		more = mnl_cb_run(buf, (size_t)n, seq,
				  mnl_socket_get_portid(nl), cb, data);
	} while (more > MNL_CB_STOP);
	return more < 0 ? -errno : 0;
}

int ctnl_dump(struct ctnl *x, uint8_t family, mnl_cb_t cb, void *data)
{
	char buf[MESSAGE_MAX];
	uint32_t seq = ++x->seq;
	struct nlmsghdr *nlh = put_head(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP,
					family, seq);

	if (mnl_socket_sendto(x->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	return ctnl_receive_dump(x->nl, seq, cb, data);
}

int ctnl_queue(struct ctnl *x, uint16_t type, uint16_t flags,
	       const struct nf_conntrack *ct)
{
	union {
		struct nlmsghdr head;
		char room[MESSAGE_MAX];
	} buf;
	struct nlmsghdr *nlh = put_head(&buf, type, NLM_F_ACK | flags,
					nfct_get_attr_u8(ct, ATTR_L3PROTO),
					++x->seq);

	if (nfct_nlmsg_build(nlh, ct))
		return -EINVAL;
	strbuf_add(&x->queue, (const char *)nlh, nlh->nlmsg_len);
	x->queued++;
	return strbuf_status(&x->queue);
}

/* How many answers are in what was received. */
static int count_answers(struct ctnl *x, const char *buf, ssize_t len,
			 int as_good, size_t *ret)
{
	const struct nlmsghdr *nlh = (const void *)buf;
	int left = (int)len, r = 0;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

		if (nlh->nlmsg_type != NLMSG_ERROR)
			continue;
		++*ret;
		if (!e->error)
			x->done++;
		else if (e->error != as_good && !r)
			r = e->error;
	}
	return r;
}

static int send_batch(struct ctnl *x, const char *at, size_t len, size_t n,
		      int as_good)
{
	char buf[CTNL_RECEIVE_MAX];
	size_t answered = 0;
	int r = 0;

	if (mnl_socket_sendto(x->nl, at, len) < 0)
		return -errno;
	while (answered < n) {
		ssize_t got = receive(x->nl, buf);
		int said;

		if (got < 0)
			return (int)got;
		said = count_answers(x, buf, got, as_good, &answered);
		if (!r)
			r = said;
	}
	return r;
}

int ctnl_send(struct ctnl *x, int as_good)
{
	const char *at = strbuf_str(&x->queue), *end = at + x->queue.n;
	int r = 0;

	while (!r && at < end) {
		size_t len = 0, n = 0;

		for (; n < BATCH && at + len < end; n++)
			len += NLMSG_ALIGN(((const struct nlmsghdr *)
				(const void *)(at + len))->nlmsg_len);
		r = send_batch(x, at, len, n, as_good);
		at += len;
	}
	strbuf_clear(&x->queue);
	x->queued = 0;
	return r;
}
