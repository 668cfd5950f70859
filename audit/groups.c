/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/groups.h"

#include <errno.h>
#include <stdlib.h>

#include "core/inet.h"
#include "core/mem.h"
#include "core/mix.h"

#define PORTS (UINT16_MAX + 1u)

static size_t ports_of(uint8_t proto)
{
	return protocol_has_ports(proto) ? PORTS : 1;
}

/* Pages of ports that no entry has are never touched. */
static struct group *group_of(struct groups *g, uint8_t proto, uint16_t port)
{
	struct group **all = &g->by_proto[proto];
	size_t n = ports_of(proto);

	if (!*all)
		*all = calloc(n, sizeof(**all));
	return *all ? &(*all)[n > 1 ? port : 0] : NULL;
}

static void count(struct group *x, const struct groups_entry *e)
{
	x->entries++;
	x->one_way += e->one_way;
	x->half_open += e->half_open;
	x->translated += e->translated;
	x->helped += e->helped;
	x->to_group += e->to_group;
	x->unnamed += e->unnamed;
	x->role[e->role]++;
	x->bound[e->role] += e->translated || e->helped;
	x->loose[e->role] += !(e->translated || e->helped || e->to_group ||
			       e->unnamed);
}

int groups_init(struct groups *g, uint64_t seed)
{
	*g = (struct groups){ .seed = seed };
	return distinct_init(&g->sources);
}

int groups_add(struct groups *g, const struct groups_entry *e)
{
	struct group *x = group_of(g, e->proto, e->port);
	uint64_t who;
	uint32_t stands_for;
	int err;

	if (!x)
		return -ENOMEM;
	who = (uint64_t)(x - g->by_proto[e->proto]) << 16 |
	      (uint64_t)e->proto << 8 | e->family;
	err = distinct_add(&g->sources, mix_key(g->seed, e->source, who),
			   &stands_for);
	if (err)
		return err;
	x->sources += stands_for;
	count(x, e);
	g->entries++;
	return 0;
}

static int falling(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	if (x->entries != y->entries)
		return x->entries < y->entries ? 1 : -1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return (x->port > y->port) - (x->port < y->port);
}

int groups_finish(struct groups *g, double share)
{
	double least = share * (double)g->entries;

	for (unsigned int proto = 0; proto < ARRAY_SIZE(g->by_proto); proto++) {
		const struct group *all = g->by_proto[proto];

		for (size_t i = 0; all && i < ports_of((uint8_t)proto); i++) {
			if (!all[i].entries || (double)all[i].entries < least)
				continue;
			if (mem_grow(&g->v, &g->cap, g->n + 1))
				return -ENOMEM;
			g->v[g->n] = all[i];
			g->v[g->n].proto = (uint8_t)proto;
			g->v[g->n++].port = (uint16_t)i;
		}
	}
	if (g->n)
		qsort(g->v, g->n, sizeof(*g->v), falling);
	return 0;
}

void groups_release(struct groups *g)
{
	for (size_t i = 0; i < ARRAY_SIZE(g->by_proto); i++)
		free(g->by_proto[i]);
	free(g->v);
	distinct_release(&g->sources);
	*g = (struct groups){ 0 };
}
