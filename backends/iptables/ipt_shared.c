/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_shared.h"

#include <string.h>

#include "backends/iptables/ipt_group.h"
#include "core/digest.h"
#include "core/mem.h"

static struct ipt_shared_set describe(const struct ipt_group *g,
				      const struct ipt_set_of *of)
{
	struct ipt_shared_set s = {
		.first = g->g->first, .family = g->family,
		.n_parts = (uint8_t)of->n, .origin = of->origin,
		.iface = g->iface, .of = of->values,
	};

	for (size_t i = 0; i < of->n; i++)
		s.part[i] = (uint8_t)ipt_group_flow_part(g, of->part[i]);
	return s;
}

static uint32_t digest_of(const struct ipt_shared_set *s)
{
	uint64_t h = digest_add(DIGEST_START, &s->first, sizeof(s->first));

	h = digest_add(h, &s->family, sizeof(s->family));
	h = digest_add(h, s->part, s->n_parts);
	if (s->iface)
		h = digest_add(h, s->iface->name, strlen(s->iface->name));
	return digest_fold(h);
}

static const char *name_of(const struct ipt_shared_set *s)
{
	return s->origin && s->origin->service ? s->origin->service : "";
}

static bool same_values(const struct prefix_set *a, const struct prefix_set *b)
{
	return a == b || (a && b && a->n == b->n && !prefix_set_cmp(a, b));
}

static bool is_same(const struct ipt_shared_set *a,
		    const struct ipt_shared_set *b)
{
	return a->first == b->first && a->family == b->family &&
	       a->n_parts == b->n_parts &&
	       !memcmp(a->part, b->part, a->n_parts) &&
	       a->origin == b->origin && !a->iface == !b->iface &&
	       (!a->iface || !iface_cmp(a->iface, b->iface)) &&
	       same_values(a->of, b->of);
}

struct image_set *ipt_shared_find(const struct ipt_group *g,
				  const struct ipt_set_of *of)
{
	struct ipt_shared_set s = describe(g, of);
	size_t i = name_index_find(&g->shared->at, name_of(&s), digest_of(&s));

	for (; i < g->shared->n; i++)
		if (is_same(&g->shared->v[i], &s))
			return image_find_set(g->sets, g->shared->v[i].set);
	return NULL;
}

int ipt_shared_add(const struct ipt_group *g, const struct ipt_set_of *of,
		   const struct image_set *set)
{
	struct ipt_shared *to = g->shared;
	struct ipt_shared_set s = describe(g, of);
	int err;

	if (!fuse_is_shared(g->f, g->index))
		return 0;
	s.set = set->name;
	err = mem_grow(&to->v, &to->cap, to->n + 1);
	if (!err)
		err = name_index_add(&to->at, name_of(&s), digest_of(&s));
	if (!err)
		to->v[to->n++] = s;
	return err;
}

void ipt_shared_release(struct ipt_shared *s)
{
	free(s->v);
	name_index_release(&s->at);
	*s = (struct ipt_shared){ 0 };
}
