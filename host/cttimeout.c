/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/cttimeout.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_cttimeout.h>
#include <unistd.h>

#include "core/mem.h"
#include "host/modules.h"
#include "host/netlink.h"
#include "host/timer_attrs.h"
#include "host/trace.h"

static struct nlmsghdr *put_head(void *buf, uint8_t type, uint16_t flags)
{
	return netlink_put_nf(buf, NFNL_SUBSYS_CTNETLINK_TIMEOUT, type, flags,
			      AF_UNSPEC, 0);
}

static int ask(struct nlmsghdr *nlh,
	       int (*take)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	_cleanup_(netlink_close) struct netlink n = { 0 };
	int err = netlink_open(&n, NETLINK_NETFILTER);

	if (!err)
		err = netlink_ask(&n, nlh, take, arg);
	/* nfnetlink knows no such subsystem, and could not load it */
	return err == -EINVAL || err == -EPROTONOSUPPORT ? -EOPNOTSUPP : err;
}

static int take_nothing(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

struct listing {
	cttimeout_fn *take;
	void *arg;
};

static void read_attrs(const struct nlmsghdr *nlh, const struct nlattr **v)
{
	const struct nlattr *a;

	netlink_for_each_attr(a, nlh, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(a) <= CTA_TIMEOUT_MAX)
			v[mnl_attr_get_type(a)] = a;
}

static int take_one(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[CTA_TIMEOUT_MAX + 1] = { NULL };
	const struct listing *l = arg;
	struct timers t = { 0 };
	uint16_t l3;

	read_attrs(nlh, v);
	if (!v[CTA_TIMEOUT_NAME] || !v[CTA_TIMEOUT_L3PROTO] ||
	    !v[CTA_TIMEOUT_L4PROTO] ||
	    mnl_attr_validate(v[CTA_TIMEOUT_NAME], MNL_TYPE_NUL_STRING) < 0 ||
	    mnl_attr_validate(v[CTA_TIMEOUT_L3PROTO], MNL_TYPE_U16) < 0 ||
	    mnl_attr_validate(v[CTA_TIMEOUT_L4PROTO], MNL_TYPE_U8) < 0)
		return -EBADMSG;
	l3 = ntohs(mnl_attr_get_u16(v[CTA_TIMEOUT_L3PROTO]));
	if (!timer_attrs_get(v[CTA_TIMEOUT_DATA],
			     mnl_attr_get_u8(v[CTA_TIMEOUT_L4PROTO]), &t))
		t = (struct timers){ 0 };
	return l->take(mnl_attr_get_str(v[CTA_TIMEOUT_NAME]), (uint8_t)l3, &t,
		       l->arg);
}

/* A module is not a part of the kernel where the module it needs is none. */
static bool may_have_any(void)
{
	enum modules_state root = modules_root_state(MODULES_SYS);

	return root == MODULES_BUILTIN ||
	       (root == MODULES_LOADED &&
		!access(MODULES_SYS "/nfnetlink_cttimeout", F_OK));
}

int cttimeout_list(cttimeout_fn *take, void *arg)
{
	char buf[256];
	struct listing l = { take, arg };
	int err;

	if (!may_have_any())
		return 0;
	host_trace("cttimeout: list");
	err = ask(put_head(buf, IPCTNL_MSG_TIMEOUT_GET, NLM_F_DUMP), take_one,
		  &l);
	return err == -EOPNOTSUPP ? 0 : err;
}

int cttimeout_add(const char *name, uint8_t family, const struct timers *t,
		  bool replace)
{
	char buf[512];
	struct nlmsghdr *nlh = put_head(buf, IPCTNL_MSG_TIMEOUT_NEW,
					NLM_F_ACK | NLM_F_CREATE |
						(replace ? NLM_F_REPLACE :
							   NLM_F_EXCL));

	mnl_attr_put_strz(nlh, CTA_TIMEOUT_NAME, name);
	mnl_attr_put_u16(nlh, CTA_TIMEOUT_L3PROTO, htons(family));
	mnl_attr_put_u8(nlh, CTA_TIMEOUT_L4PROTO, t->proto);
	timer_attrs_put(nlh, CTA_TIMEOUT_DATA, t);
	host_trace("cttimeout: add %s", name);
	return ask(nlh, take_nothing, NULL);
}

int cttimeout_delete(const char *name)
{
	char buf[256];
	struct nlmsghdr *nlh = put_head(buf, IPCTNL_MSG_TIMEOUT_DELETE,
					NLM_F_ACK);

	mnl_attr_put_strz(nlh, CTA_TIMEOUT_NAME, name);
	host_trace("cttimeout: delete %s", name);
	return ask(nlh, take_nothing, NULL);
}
