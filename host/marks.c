/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/marks.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>

#include "core/files.h"
#include "core/mem.h"
#include "host/netlink.h"

#define FILE_MAX_READ 1000000

struct wanted {
	uint16_t type, other;	/* attributes, of which one must not be 0 */
	bool found;
};

static int look_at_number(const struct nlattr *a, void *arg)
{
	struct wanted *w = arg;
	uint16_t type = mnl_attr_get_type(a);
	uint32_t v = 0;

	/* A mark with its mask is two numbers; either will do. */
	for (uint16_t i = 0; i + sizeof(v) <= mnl_attr_get_payload_len(a);
	     i = (uint16_t)(i + sizeof(v))) {
		memcpy(&v, (const char *)mnl_attr_get_payload(a) + i,
		       sizeof(v));
		if (v && (type == w->type || type == w->other))
			w->found = true;
	}
	return MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	struct wanted w = { FRA_FWMARK, FRA_FWMASK, false };

	if (nlh->nlmsg_type == RTM_NEWRULE)
		mnl_attr_parse(nlh, sizeof(struct fib_rule_hdr),
			       look_at_number, &w);
	*(bool *)arg |= w.found;
	return 0;
}

/* These have no filters, and look at no marks themselves. */
static bool is_plain_queue(const char *kind)
{
	static const char *const plain[] = {
		"noqueue", "noop", "pfifo_fast", "pfifo", "bfifo", "fq",
		"fq_codel", "codel", "mq", "sfq", "pie", "fq_pie",
	};

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (!strcmp(kind, plain[i]))
			return true;
	return false;
}

static int look_at_kind(const struct nlattr *a, void *arg)
{
	if (mnl_attr_get_type(a) == TCA_KIND &&
	    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 &&
	    !is_plain_queue(mnl_attr_get_str(a)))
		*(bool *)arg = true;
	return MNL_CB_OK;
}

static int take_queue(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type == RTM_NEWQDISC)
		mnl_attr_parse(nlh, sizeof(struct tcmsg), look_at_kind, arg);
	return 0;
}

static int take_policy(const struct nlmsghdr *nlh, void *arg)
{
	struct wanted w = { XFRMA_MARK, XFRMA_MARK, false };

	if (nlh->nlmsg_type == XFRM_MSG_NEWPOLICY)
		mnl_attr_parse(nlh, sizeof(struct xfrm_userpolicy_info),
			       look_at_number, &w);
	*(bool *)arg |= w.found;
	return 0;
}

static const struct {
	int bus;
	uint16_t request;
	size_t head;		/* bytes; all 0 is any */
	int (*take)(const struct nlmsghdr *nlh, void *arg);
} dumps[] = {
	{ NETLINK_ROUTE, RTM_GETRULE, sizeof(struct fib_rule_hdr), take_rule },
	{ NETLINK_ROUTE, RTM_GETQDISC, sizeof(struct tcmsg), take_queue },
	{ NETLINK_XFRM, XFRM_MSG_GETPOLICY, 0, take_policy },
};

/* What is no part of this kernel. */
static bool is_missing(int err)
{
	return err == -EPROTONOSUPPORT || err == -EOPNOTSUPP;
}

/*
 * Asking loads the module of the bus where it is not loaded. The kernel's own
 * socket of a bus that is there stands in the list: proc_pid_net(5), "Eth".
 */
static int bus_is_there(int bus, bool *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int err = file_read("/proc/net/netlink", FILE_MAX_READ, &text, &len);

	*ret = false;
	for (const char *s = err ? NULL : strchr(text, '\n'); s && !*ret;
	     s = strchr(s + 1, '\n')) {
		const char *number = strchr(s, ' ');

		*ret = number && strtol(number, NULL, 10) == bus;
	}
	return err == -ENOENT ? 0 : err;
}

static int ask(size_t i, bool *found)
{
	_Alignas(struct nlmsghdr) char buf[128];
	struct netlink n;
	struct nlmsghdr *nlh;
	bool there = true;
	int err = dumps[i].bus == NETLINK_ROUTE ?
			  0 : bus_is_there(dumps[i].bus, &there);

	if (err || !there)
		return err;
	err = netlink_open(&n, dumps[i].bus);
	if (err)
		return is_missing(err) ? 0 : err;
	nlh = netlink_put(buf, dumps[i].request, NLM_F_DUMP, 0);
	if (dumps[i].head)
		mnl_nlmsg_put_extra_header(nlh, dumps[i].head);
	err = netlink_ask(&n, nlh, dumps[i].take, found);
	netlink_close(&n);
	return is_missing(err) ? 0 : err;
}

/* A file that is not there says nothing. */
static bool says(const char *path, const char *word)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return !file_read(path, FILE_MAX_READ, &text, &len) &&
	       strstr(text, word);
}

int host_reads_marks(bool *ret)
{
	static const struct { const char *path, *word; } files[] = {
		{ "/proc/sys/net/ipv4/tcp_fwmark_accept", "1" },
		{ "/proc/sys/net/ipv4/fwmark_reflect", "1" },
		{ "/proc/sys/net/ipv6/fwmark_reflect", "1" },
		{ "/proc/net/ip_vs", "FWM" },
	};
	bool found = false;
	int err = 0;

	for (size_t i = 0; !found && i < ARRAY_SIZE(files); i++)
		found = says(files[i].path, files[i].word);
	for (size_t i = 0; !err && !found && i < ARRAY_SIZE(dumps); i++)
		err = ask(i, &found);
	if (!err)
		*ret = found;
	return err;
}
