/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipset_written.h"

#include <errno.h>

#include "backends/iptables/ipt.h"
#include "host/trace.h"
#include "rules/image_copy.h"

/* From here on a sample is cheaper than a dump. */
#define WRITTEN_MIN 4096
#define SAMPLE 512

const struct image_set *ipset_written_find(const struct expectation *x,
					   const char *name)
{
	const struct image *img = x && x->wrote ? x->find(x->arg) : NULL;
	const struct image_table *t = img ?
		image_find_table(img, NFPROTO_UNSPEC, IPT_SET_TABLE) : NULL;
	const struct image_set *s = t ? image_find_set(t, name) : NULL;

	return s && s->elems.n >= WRITTEN_MIN ? s : NULL;
}

static int take_nothing(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

/* What is not in the set is an error to the kernel. */
static int test(struct netlink *n, const struct ipset_wire *w,
		const struct image_set *s, size_t i)
{
	_Alignas(struct nlmsghdr) char buf[256 + IPSET_WIRE_ELEM_MAX];
	struct nlmsghdr *nlh = ipset_wire_head(buf, IPSET_CMD_TEST, NLM_F_ACK,
					       s->name);

	ipset_wire_put(nlh, w, s, i, NULL);
	return netlink_ask(n, nlh, take_nothing, NULL);
}

static int test_some(struct netlink *n, const struct image_set *s)
{
	size_t step = s->elems.n / SAMPLE;
	struct ipset_wire w;
	int err = 0;

	ipset_wire_init(&w, s);
	for (size_t i = n->seq % step; !err && i < s->elems.n; i += step)
		err = test(n, &w, s, i);
	host_trace("ipset test %s: every %zu. element = %d", s->name, step,
		   err);
	return err;
}

int ipset_written_take(struct netlink *n, struct image *img,
		       struct image_set *to, const struct image_set *expected,
		       uint32_t count, bool *ret)
{
	int err;

	*ret = false;
	if (count != expected->elems.n || !image_set_fits(expected, to))
		return 0;
	err = test_some(n, expected);
	if (err)
		return err == -ENOMEM ? err : 0;
	err = image_copy_elems(img, to, expected);
	to->proto = expected->proto;
	*ret = !err;
	return err;
}
