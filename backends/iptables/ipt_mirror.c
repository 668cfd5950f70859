/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/iptables/ipt_mirror.h"

#include <errno.h>
#include <string.h>

#include "backends/iptables/ipt.h"
#include "core/fault.h"
#include "core/mem.h"

/* Our rules in the kernel's order, from what the live image says of it. */
static int fill(struct ipt_mirror *m, const struct image *live)
{
	const struct image_table *it = image_find_table(live, m->family,
							m->table);
	const struct image_chain *c = it ? image_find_chain(it, m->chain) :
					   NULL;

	for (size_t i = 0; c && i < c->n_rules; i++)
		if (c->rules[i].handle > m->n)
			m->n = c->rules[i].handle;
	if (mem_grow(&m->v, &m->cap, m->n + 1))
		return -ENOMEM;
	memset(m->v, 0, m->n * sizeof(*m->v));
	for (size_t i = 0; c && i < c->n_rules; i++)
		if (c->rules[i].handle)
			m->v[c->rules[i].handle - 1] = &c->rules[i];
	return 0;
}

/* The next rule of ours from *at on; NULL: none is left. */
static const struct image_rule *next_ours(const struct ipt_mirror *m,
					  size_t *at)
{
	while (*at < m->n && !m->v[*at])
		++*at;
	return *at < m->n ? m->v[(*at)++] : NULL;
}

/*
 * Writers without the lock add and remove rules around ours: which place each
 * of ours has, only the table itself can say. In a chain of theirs ours are
 * the jumps to our chains.
 */
static int align(struct ipt_mirror *m, const struct ipt_legacy *t)
{
	size_t n = ipt_legacy_count(t, m->chain), from = 0, at = 0;
	bool ours = ipt_chain_is_ours(m->chain);
	_cleanup_free_ const struct image_rule **v =
		calloc(n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (const void *e = ipt_legacy_first_rule(t, m->chain); e;
	     e = ipt_legacy_next_rule(t, e), at++) {
		if (!ours && !ipt_chain_is_ours(ipt_legacy_target(t, e)))
			continue;
		v[at] = next_ours(m, &from);
		if (!v[at])
			return -FAULT_STALE;
	}
	if (next_ours(m, &from))
		return -FAULT_STALE;
	free(m->v);
	m->v = TAKE_PTR(v);
	m->n = n;
	m->cap = n + 1;
	return 0;
}

int ipt_mirrors_align(struct ipt_mirrors *all, const struct ipt_legacy *t)
{
	int err = 0;

	for (size_t i = 0; !err && i < all->n; i++)
		if (all->v[i].family == t->family &&
		    !strcmp(all->v[i].table, t->name))
			err = align(&all->v[i], t);
	return err;
}

int ipt_mirror_get(struct ipt_mirrors *all, const struct ipt_legacy *t,
		   const char *chain, const struct image *live,
		   struct ipt_mirror **ret)
{
	struct ipt_mirror *m;
	int err;

	for (size_t i = 0; i < all->n; i++) {
		m = &all->v[i];
		if (m->family != t->family || strcmp(m->table, t->name) ||
		    strcmp(m->chain, chain))
			continue;
		*ret = m;
		return 0;
	}
	if (mem_grow(&all->v, &all->cap, all->n + 1))
		return -ENOMEM;
	m = &all->v[all->n];
	memset(m, 0, sizeof(*m));
	m->family = t->family;
	snprintf(m->table, sizeof(m->table), "%s", t->name);
	m->chain = chain;
	err = fill(m, live);
	if (!err)
		err = align(m, t);
	if (err) {
		free(m->v);
		return err;
	}
	all->n++;
	*ret = m;
	return 0;
}

int ipt_mirrors_copy(const struct ipt_mirrors *from, struct ipt_mirrors *ret)
{
	struct ipt_mirrors to = { 0 };

	if (mem_grow(&to.v, &to.cap, from->n + 1))
		return -ENOMEM;
	for (size_t i = 0; i < from->n; i++) {
		struct ipt_mirror *m = &to.v[to.n++];

		*m = from->v[i];
		m->v = NULL;
		m->cap = 0;
		if (mem_grow(&m->v, &m->cap, m->n + 1)) {
			ipt_mirrors_release(&to);
			return -ENOMEM;
		}
		memcpy(m->v, from->v[i].v, m->n * sizeof(*m->v));
	}
	*ret = to;
	return 0;
}

/* Steps come in the chain's order: the next rule is near the last one. */
size_t ipt_mirror_find(struct ipt_mirror *m, const struct image_rule *r)
{
	size_t at = m->last < m->n ? m->last : 0;

	for (size_t i = 0; r && i < m->n; i++, at++) {
		if (at == m->n)
			at = 0;
		if (m->v[at] == r)
			return m->last = at;
	}
	return m->n;
}

size_t ipt_mirror_behind(const struct ipt_mirror *m, size_t host_rules)
{
	size_t i = 0;

	while (i < m->n && (host_rules || m->v[i]))
		host_rules -= !m->v[i++];
	return i;
}

int ipt_mirror_insert(struct ipt_mirror *m, size_t at,
		      const struct image_rule *r)
{
	if (mem_grow(&m->v, &m->cap, m->n + 1))
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
