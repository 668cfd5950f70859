/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_order.h"

#include <netinet/in.h>

#include "core/mem.h"

enum { OF_MANAGEMENT, OF_UDP, OF_TCP, OF_OTHERS, OF_LOOPBACK };

static unsigned int kind_of(const struct fuse_group *g)
{
	const struct match *m = &g->model.match;

	if (g->model.rank == RANK_MANAGEMENT)
		return OF_MANAGEMENT;
	if (iface_set_is_lo(&m->iif) || iface_set_is_lo(&m->oif))
		return OF_LOOPBACK;
	return m->proto == IPPROTO_UDP ? OF_UDP :
	       m->proto == IPPROTO_TCP ? OF_TCP : OF_OTHERS;
}

int ipt_order_add(struct ipt_order *o, const struct fuse *f, size_t group)
{
	const struct fuse_group *g = &f->v[group];

	if (mem_grow(&o->v, &o->cap, o->n + 1))
		return -ENOMEM;
	o->v[o->n++] = (struct ipt_turn){ group, kind_of(g) };
	o->fixed |= g->model.action != ACTION_NOTRACK;
	return 0;
}

static int by_kind(const void *x, const void *y)
{
	const struct ipt_turn *a = x, *b = y;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return (a->group > b->group) - (a->group < b->group);
}

void ipt_order_sort(struct ipt_order *o)
{
	if (!o->fixed && o->n > 1)
		qsort(o->v, o->n, sizeof(*o->v), by_kind);
}

void ipt_order_release(struct ipt_order *o)
{
	free(o->v);
	*o = (struct ipt_order){ 0 };
}
