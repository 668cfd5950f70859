/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/conntrack/routes.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "core/mem.h"

static int choose_name(const struct nlattr *a, void *data)
{
	const char **name = data;

	if (mnl_attr_get_type(a) == IFLA_IFNAME &&
	    !mnl_attr_validate(a, MNL_TYPE_NUL_STRING))
		*name = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct routes *r = arg;
	const char *name = NULL;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	mnl_attr_parse(nlh, sizeof(*ifi), choose_name, &name);
	if (!name)
		return 0;
	if (mem_grow(&r->v, &r->cap, r->n + 1))
		return -ENOMEM;
	r->v[r->n] = (struct routes_name){ .index = (uint32_t)ifi->ifi_index };
	memcpy(r->v[r->n].name, name,
	       strnlen(name, sizeof(r->v[r->n].name) - 1));
	r->n++;
	return 0;
}

static int cmp_index(const void *a, const void *b)
{
	const struct routes_name *x = a, *y = b;

	return (x->index > y->index) - (x->index < y->index);
}

int routes_open(struct routes *r)
{
	char buf[128];
	struct nlmsghdr *nlh = netlink_put(buf, RTM_GETLINK, NLM_F_DUMP, 0);
	struct routes x = { 0 };
	int err;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	err = netlink_open(&x.link, NETLINK_ROUTE);
	if (!err)
		err = netlink_ask(&x.link, nlh, take_link, &x);
	if (err) {
		routes_close(&x);
		return err;
	}
	if (x.n)
		qsort(x.v, x.n, sizeof(*x.v), cmp_index);
	*r = x;
	return 0;
}

void routes_close(struct routes *r)
{
	netlink_close(&r->link);
	free(r->v);
	*r = (struct routes){ 0 };
}

static int choose_interface(const struct nlattr *a, void *data)
{
	uint32_t *index = data;

	if (mnl_attr_get_type(a) == RTA_OIF &&
	    mnl_attr_get_payload_len(a) >= sizeof(*index))
		*index = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type == RTM_NEWROUTE)
		mnl_attr_parse(nlh, sizeof(struct rtmsg), choose_interface,
			       arg);
	return 0;
}

static int ask(struct routes *r, uint8_t family, const uint8_t *to,
	       const uint8_t *from, uint32_t *ret_index)
{
	char buf[256];
	struct nlmsghdr *nlh = netlink_put_route_query(buf, family, to);
	struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);

	if (from) {
		rt->rtm_src_len = rt->rtm_dst_len;
		mnl_attr_put(nlh, RTA_SRC, rt->rtm_src_len / 8, from);
	}
	return netlink_ask(&r->link, nlh, take_route, ret_index);
}

int routes_interface(struct routes *r, uint8_t family, const uint8_t *to,
		     const uint8_t *from, char ret[static 16])
{
	struct routes_name key = { 0 };
	const struct routes_name *found;
	int err = ask(r, family, to, from, &key.index);

	if (err)
		return err == -ENETUNREACH || err == -EHOSTUNREACH ? -ENODEV :
								     err;
	found = key.index && r->n ? bsearch(&key, r->v, r->n, sizeof(key),
					    cmp_index) : NULL;
	if (!found)
		return -ENODEV;
	memcpy(ret, found->name, sizeof(found->name));
	return 0;
}
