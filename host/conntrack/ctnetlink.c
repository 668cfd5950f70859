/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/ctnetlink.h"

#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "core/mem.h"
#include "host/conntrack/hash_size.h"

/* Requests sent in one go; each is answered. */
#define BATCH 64
#define MESSAGE_MAX 1024

int ctnl_open(struct ctnl *x)
{
	*x = (struct ctnl){ 0 };
	return netlink_open(&x->link, NETLINK_NETFILTER);
}

void ctnl_close(struct ctnl *x)
{
	netlink_close(&x->link);
	strbuf_release(&x->queue);
	*x = (struct ctnl){ 0 };
}

static struct nlmsghdr *put_head(void *buf, uint16_t type, uint16_t flags,
				 uint8_t family, uint32_t seq)
{
	return netlink_put_nf(buf, NFNL_SUBSYS_CTNETLINK, (uint8_t)type, flags,
			      family, seq);
}

struct dump {
	struct hash_size size;
	int (*take)(const struct nlmsghdr *nlh, void *arg);
	void *arg;
	unsigned int n;
	bool resized;
};

/* Each answer of the kernel's holds more than so many. */
#define LOOK_EVERY 64

static int take_entry(const struct nlmsghdr *nlh, void *arg)
{
	struct dump *d = arg;

	if (!(d->n++ % LOOK_EVERY))
		d->resized |= hash_size_changed(&d->size);
	return d->resized ? -EAGAIN : d->take(nlh, d->arg);
}

static int dump_once(struct ctnl *x, uint8_t family, struct dump *d)
{
	char buf[MESSAGE_MAX];
	int err;

	hash_size_begin(&d->size);
	err = netlink_ask(&x->link, put_head(buf, IPCTNL_MSG_CT_GET,
					     NLM_F_DUMP, family, 0),
			  take_entry, d);
	if (!err && hash_size_changed(&d->size))
		err = -EAGAIN;
	hash_size_end(&d->size);
	return err;
}

int ctnl_dump(struct ctnl *x, uint8_t family,
	      int (*take)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	int err = -EAGAIN;

	for (unsigned int i = 0; err == -EAGAIN && i < HASH_SIZE_TRIES; i++) {
		struct dump d = { .take = take, .arg = arg };

		err = dump_once(x, family, &d);
	}
	return err;
}

int ctnl_get(struct ctnl *x, const struct nf_conntrack *key,
	     int (*take)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	char buf[MESSAGE_MAX];
	struct nlmsghdr *nlh = put_head(buf, IPCTNL_MSG_CT_GET, 0,
					nfct_get_attr_u8(key, ATTR_L3PROTO), 0);

	if (nfct_nlmsg_build(nlh, key))
		return -EINVAL;
	return netlink_ask(&x->link, nlh, take, arg);
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
					++x->link.seq);

	if (!x->queued)
		x->first = nlh->nlmsg_seq;
	if (nfct_nlmsg_build(nlh, ct))
		return -EINVAL;
	strbuf_add(&x->queue, (const char *)nlh, nlh->nlmsg_len);
	x->queued++;
	return strbuf_status(&x->queue);
}

static int take_answer(struct ctnl *x, const struct nlmsghdr *nlh, int as_good)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return -EBADMSG;
	if (e->error)
		return e->error == as_good ? 0 : e->error;
	x->done++;
	return x->succeeded ? x->succeeded(nlh->nlmsg_seq - x->first, x->arg) :
			      0;
}

/* The answers in what was received are counted. */
static int take_answers(struct ctnl *x, const char *buf, int left,
			int as_good, size_t *answered)
{
	const struct nlmsghdr *nlh = (const void *)buf;
	int err = 0;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		int said;

		if (nlh->nlmsg_type != NLMSG_ERROR)
			continue;
		++*answered;
		said = take_answer(x, nlh, as_good);
		if (!err)
			err = said;
	}
	return err;
}

static int send_batch(struct ctnl *x, const char *at, size_t len, size_t n,
		      int as_good)
{
	_Alignas(struct nlmsghdr) char buf[NETLINK_DUMP_SIZE];
	size_t answered = 0;
	int err = 0;

	if (mnl_socket_sendto(x->link.nl, at, len) < 0)
		return -errno;
	while (answered < n) {
		ssize_t got = mnl_socket_recvfrom(x->link.nl, buf, sizeof(buf));
		int said;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		said = take_answers(x, buf, (int)got, as_good, &answered);
		if (!err)
			err = said;
	}
	return err;
}

int ctnl_send(struct ctnl *x, int as_good)
{
	const char *at = strbuf_str(&x->queue), *end = at + x->queue.n;
	int err = 0;

	while (!err && at < end) {
		size_t len = 0, n = 0;

		for (; n < BATCH && at + len < end; n++)
			len += NLMSG_ALIGN(((const struct nlmsghdr *)
				(const void *)(at + len))->nlmsg_len);
		err = send_batch(x, at, len, n, as_good);
		at += len;
	}
	strbuf_clear(&x->queue);
	x->queued = 0;
	return err;
}
