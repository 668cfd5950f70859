/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host/timer_attrs.h"

#include <arpa/inet.h>

#include "host/netlink.h"

void timer_attrs_put(struct nlmsghdr *nlh, uint16_t type,
		     const struct timers *t)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	for (uint16_t i = 1; i <= TIMERS_MAX; i++)
		if (t->v[i])
			mnl_attr_put_u32(nlh, i, htonl(t->v[i]));
	mnl_attr_nest_end(nlh, nest);
}

bool timer_attrs_get(const struct nlattr *nest, uint8_t proto,
		     struct timers *ret)
{
	unsigned int count = timers_count(proto);
	const struct nlattr *a;

	if (!count)
		return false;
	*ret = (struct timers){ .proto = proto };
	if (!nest)
		return true;
	netlink_for_each_nested(a, nest)
		if (mnl_attr_get_type(a) <= count && mnl_attr_get_type(a) &&
		    mnl_attr_get_payload_len(a) >= sizeof(uint32_t))
			ret->v[mnl_attr_get_type(a)] =
				ntohl(mnl_attr_get_u32(a));
	return true;
}
