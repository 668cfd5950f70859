/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/flush.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>
#include <time.h>

#include "core/mem.h"
#include "host/host.h"
#include "host/netlink.h"
#include "host/netns.h"
#include "host/trace.h"

#define PAUSE_MS 20

static int no_answer(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh, (void)arg;
	return 0;
}

/* All entries of this namespace: a deletion that names none. */
static int flush(void)
{
	char buf[64];
	struct nlmsghdr *nlh = netlink_put_nf(buf, NFNL_SUBSYS_CTNETLINK,
					      IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
					      AF_UNSPEC, 0);
	struct netlink n;
	int err = netlink_open(&n, NETLINK_NETFILTER);

	if (err)
		return err;
	err = netlink_ask(&n, nlh, no_answer, NULL);
	host_trace("sendto(netlink, IPCTNL_MSG_CT_DELETE) = %d", err);
	netlink_close(&n);
	return err;
}

/* In a namespace: *arg is how many entries it still has. */
static int empty(void *arg)
{
	size_t *left = arg;
	int err;

	*left = 0;
	if (host_conntrack_count(left) || !*left)
		return 0;
	err = flush();
	if (!err)
		(void)host_conntrack_count(left);
	return err;
}

static int empty_all(const struct netns_list *l, const char **ret_where,
		     size_t *ret_left)
{
	*ret_left = 0;
	for (size_t i = 0; i < l->n; i++) {
		size_t left = 0;
		int err = netns_visit(&l->v[i], empty, &left);

		if (err == -ENOENT)
			continue;
		if (err)
			return err;
		if (left && !*ret_left) {
			*ret_left = left;
			*ret_where = l->v[i].name;
		}
	}
	return *ret_left ? -EBUSY : 0;
}

int conntrack_flush_all(const char **ret_where, size_t *ret_left)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000 };
	_cleanup_(netns_release) struct netns_list l = { 0 };
	int err = netns_list(&l);

	if (err)
		return err;
	err = empty_all(&l, ret_where, ret_left);
	for (int i = 0; err == -EBUSY && i < FLUSH_WAIT_MS / PAUSE_MS; i++) {
		(void)nanosleep(&pause, NULL);
		err = empty_all(&l, ret_where, ret_left);
	}
	return err;
}
