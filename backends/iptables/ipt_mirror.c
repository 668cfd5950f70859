/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_mirror.h"

#include <string.h>

#include "core/mem.h"

static int fill(struct ipt_mirror *m, const struct ipt_legacy *t,
		const struct image *live)
{
	const struct image_table *it = image_find_table(live, m->family,
							m->table);
	const struct image_chain *c = it ? image_find_chain(it, m->chain) :
					   NULL;
	size_t n = ipt_legacy_count(t, m->chain);

	if (mem_grow(&m->v, &m->cap, n + 1, sizeof(*m->v)))
		return -ENOMEM;
	memset(m->v, 0, n * sizeof(*m->v));
	m->n = n;
	for (size_t i = 0; c && i < c->n_rules; i++)
		if (c->rules[i].handle && c->rules[i].handle <= n)
			m->v[c->rules[i].handle - 1] = &c->rules[i];
	return 0;
}

struct ipt_mirror *ipt_mirror_get(struct ipt_mirrors *all,
				  const struct ipt_legacy *t, const char *chain,
				  const struct image *live)
{
	struct ipt_mirror *m;

	for (size_t i = 0; i < all->n; i++) {
		m = &all->v[i];
		if (m->family == t->family && !strcmp(m->table, t->name) &&
		    !strcmp(m->chain, chain))
			return m;
	}
	if (mem_grow(&all->v, &all->cap, all->n + 1, sizeof(*all->v)))
		return NULL;
	m = &all->v[all->n];
	memset(m, 0, sizeof(*m));
	m->family = t->family;
	snprintf(m->table, sizeof(m->table), "%s", t->name);
	snprintf(m->chain, sizeof(m->chain), "%s", chain);
	if (fill(m, t, live))
		return NULL;
	all->n++;
	return m;
}

size_t ipt_mirror_find(const struct ipt_mirror *m, const struct image_rule *r)
{
	size_t i = 0;

	while (i < m->n && (!r || m->v[i] != r))
		i++;
	return i;
}

int ipt_mirror_insert(struct ipt_mirror *m, size_t at,
		      const struct image_rule *r)
{
	if (mem_grow(&m->v, &m->cap, m->n + 1, sizeof(*m->v)))
		return -ENOMEM;
	memmove(&m->v[at + 1], &m->v[at], (m->n - at) * sizeof(*m->v));
	m->v[at] = r;
	m->n++;
	return 0;
}

void ipt_mirror_remove(struct ipt_mirror *m, size_t at)
{
	m->n--;
	memmove(&m->v[at], &m->v[at + 1], (m->n - at) * sizeof(*m->v));
}

void ipt_mirrors_release(struct ipt_mirrors *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->v[i].v);
	free(all->v);
	memset(all, 0, sizeof(*all));
}
