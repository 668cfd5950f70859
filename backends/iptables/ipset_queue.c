/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipset_queue.h"

#include <errno.h>

#include "core/mem.h"
#include "host/trace.h"

/* The kernel sends a message that it refuses back, behind its verdict. */
#define MESSAGE_MAX (NETLINK_DUMP_SIZE - 256)

static int begin(struct ipset_queue *q, const struct image_set *s,
		 const char *name, bool add)
{
	int err = 0;

	q->name = name;
	if (!q->nl.nl)
		err = netlink_open(&q->nl, NETLINK_NETFILTER);
	if (!err && !q->buf)
		q->buf = malloc(MESSAGE_MAX);
	if (err || !q->buf)
		return err ? err : -ENOMEM;
	q->set = s;
	q->add = add;
	q->n = 0;
	q->origin = NULL;
	ipset_wire_init(&q->wire, s);
	/* Without NLM_F_EXCL: ipset's -exist. */
	q->nlh = ipset_wire_head(q->buf, add ? IPSET_CMD_ADD : IPSET_CMD_DEL,
				 NLM_F_ACK, name);
	mnl_attr_put_u32(q->nlh, IPSET_ATTR_LINENO, 0);
	q->elems = mnl_attr_nest_start(q->nlh, IPSET_ATTR_ADT);
	return 0;
}

static int take_nothing(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	(void)arg;
	return 0;
}

int ipset_queue_flush(struct ipset_queue *q)
{
	int err;

	if (!q->nlh)
		return 0;
	mnl_attr_nest_end(q->nlh, q->elems);
	err = netlink_ask(&q->nl, q->nlh, take_nothing, NULL);
	host_trace("ipset: %zu elements sent to %s = %d", q->n, q->name, err);
	q->nlh = NULL;
	return err;
}

static const char *comment_of(struct ipset_queue *q, const struct origin *o)
{
	if (!q->origin || q->origin != o)
		origin_comment(o, q->comment, COMMENT_MAX);
	q->origin = o;
	return q->comment;
}

int ipset_queue_put(struct ipset_queue *q, const struct image_set *s, size_t i,
		    const char *name, bool add)
{
	int err = 0;

	if (q->nlh && (q->set != s || q->name != name || q->add != add ||
		       q->nlh->nlmsg_len > MESSAGE_MAX - IPSET_WIRE_ELEM_MAX))
		err = ipset_queue_flush(q);
	if (!err && !q->nlh)
		err = begin(q, s, name, add);
	if (err)
		return err;
	ipset_wire_put(q->nlh, &q->wire, s, i,
		       add ? comment_of(q, elems_origin(&s->elems, i)) : NULL);
	q->n++;
	return 0;
}

void ipset_queue_release(struct ipset_queue *q)
{
	netlink_close(&q->nl);
	free(q->buf);
	*q = (struct ipset_queue){ 0 };
}
