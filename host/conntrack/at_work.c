/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/at_work.h"

#include <errno.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/conntrack/tuple.h"
#include "host/host.h"

/* Seconds; not a timeout for UDP that anyone would choose. */
#define TIMEOUT 3607

/* Two UDP sockets on loopback, one connected to the other. */
struct wire {
	int from, to;
	struct flow flow;
};

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int open_end(uint8_t family, int *ret_fd, union address *ret)
{
	union address a = { .any = { .sa_family = family } };
	socklen_t len = family == AF_INET ? sizeof(a.in) : sizeof(a.in6);
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	if (family == AF_INET)
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.in6.sin6_addr = in6addr_loopback;
	if (bind(fd, &a.any, len) || getsockname(fd, &a.any, &len))
		return -errno;
	*ret = a;
	return 0;
}

static void put_end(uint8_t family, const union address *a, uint8_t *addr,
		    uint16_t *port)
{
	/* The port is at the same place in both. */
	*port = ntohs(a->in.sin_port);
	if (family == AF_INET)
		memcpy(addr, &a->in.sin_addr, 4);
	else
		memcpy(addr, &a->in6.sin6_addr, 16);
}

static int wire_open(struct wire *w, uint8_t family)
{
	union address from, to;
	int err;

	*w = (struct wire){ .from = -1, .to = -1 };
	err = open_end(family, &w->to, &to);
	if (!err)
		err = open_end(family, &w->from, &from);
	if (err)
		return err;
	w->flow = (struct flow){ .family = family, .proto = IPPROTO_UDP };
	put_end(family, &from, w->flow.saddr, &w->flow.sport);
	put_end(family, &to, w->flow.daddr, &w->flow.dport);
	return connect(w->from, &to.any, family == AF_INET ? sizeof(to.in) :
							     sizeof(to.in6)) ?
		       -errno : 0;
}

static void wire_close(struct wire *w)
{
	if (w->from >= 0)
		close(w->from);
	if (w->to >= 0)
		close(w->to);
}

static int take_timeout(const struct nlmsghdr *nlh, void *arg)
{
	struct nf_conntrack *ct = nfct_new();
	uint32_t *timeout = arg;

	if (!ct)
		return -ENOMEM;
	if (nfct_nlmsg_parse(nlh, ct) >= 0)
		*timeout = nfct_get_attr_u32(ct, ATTR_TIMEOUT);
	nfct_destroy(ct);
	return 0;
}

static int make_entry(struct ctnl *x, struct nf_conntrack *ct)
{
	int err = ctnl_queue(x, IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL,
			     ct);

	return err ? err : ctnl_send(x, 0);
}

/*
 * Does a datagram change the timeout of its entry? A filter that drops it, for
 * which send() fails, comes after tracking.
 */
static int is_refreshed(struct ctnl *x, const struct wire *w,
			const struct nf_conntrack *key, bool *ret)
{
	uint32_t timeout = TIMEOUT;
	int err;

	(void)!send(w->from, "", 1, MSG_NOSIGNAL);
	err = ctnl_get(x, key, take_timeout, &timeout);
	if (!err)
		*ret = timeout > TIMEOUT || timeout < TIMEOUT - 2;
	return err;
}

static int try_entry(struct ctnl *x, const struct wire *w, bool *ret)
{
	struct nf_conntrack *ct = tuple_new(&w->flow);
	struct nf_conntrack *key = tuple_new(&w->flow);
	int err = ct && key ? 0 : -ENOMEM, gone;

	if (!err) {
		nfct_set_attr_u32(ct, ATTR_TIMEOUT, TIMEOUT);
		nfct_set_attr_u32(ct, ATTR_STATUS, 0);
		err = make_entry(x, ct);
	}
	if (!err) {
		err = is_refreshed(x, w, key, ret);
		gone = ctnl_queue(x, IPCTNL_MSG_CT_DELETE, 0, key);
		if (!gone)
			gone = ctnl_send(x, -ENOENT);
		if (!err)
			err = gone;
	}
	if (ct)
		nfct_destroy(ct);
	if (key)
		nfct_destroy(key);
	return err;
}

int at_work(struct ctnl *x, uint8_t family, size_t own_entries, bool *ret)
{
	size_t done = x->done, n = 0;
	bool refreshed = false;
	struct wire w;
	int err = wire_open(&w, family);

	if (!err)
		err = try_entry(x, &w, &refreshed);
	wire_close(&w);
	x->done = done;
	/* No loopback, no such family, or a full table. */
	if (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT ||
	    err == -ENETUNREACH || err == -ENOMEM || err == -ENFILE ||
	    err == -ENOENT)
		err = 0;
	if (!err && !refreshed)
		err = host_conntrack_count(&n);
	if (!err)
		*ret = refreshed || n > own_entries;
	return err;
}
