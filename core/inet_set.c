/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/inet_set.c: sets of ports and of interfaces. */
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"

static int cmp_iface(const void *a, const void *b)
{
	return iface_cmp(a, b);
}

static int cmp_port(const void *a, const void *b)
{
	const struct port_range *x = a, *y = b;
	int c = (int)x->first - (int)y->first;

	return c ? c : (int)x->last - (int)y->last;
}

/* Lists are mostly: people and programs write them so. */
static bool is_sorted(const void *v, size_t n, size_t size,
		      int (*cmp)(const void *, const void *))
{
	const uint8_t *at = v;

	for (size_t i = 1; i < n; i++)
		if (cmp(at + (i - 1) * size, at + i * size) > 0)
			return false;
	return true;
}

static void sort(void *v, size_t n, size_t size,
		 int (*cmp)(const void *, const void *))
{
	if (!is_sorted(v, n, size, cmp))
		qsort(v, n, size, cmp);
}

/* Memory of its own even for no items. */
static void *copy_of(const void *v, size_t n, size_t size)
{
	void *c = malloc(n ? n * size : 1);

	if (c && n)
		memcpy(c, v, n * size);
	return c;
}

int port_set_add(struct port_set *s, struct port_range r)
{
	int err = mem_grow(&s->v, &s->cap, s->n + 1);

	if (!err)
		s->v[s->n++] = r;
	return err;
}

void port_set_normalize(struct port_set *s)
{
	size_t k = 0;

	sort(s->v, s->n, sizeof(*s->v), cmp_port);
	for (size_t i = 0; i < s->n; i++) {
		if (k && s->v[i].first <= s->v[k - 1].last) {
			if (s->v[i].last > s->v[k - 1].last)
				s->v[k - 1].last = s->v[i].last;
		} else {
			s->v[k++] = s->v[i];
		}
	}
	s->n = k;
}

int port_set_copy(const struct port_set *s, struct port_set *ret)
{
	struct port_set c = { copy_of(s->v, s->n, sizeof(*s->v)), s->n, s->n };

	if (!c.v)
		return -ENOMEM;
	*ret = c;
	return 0;
}

void port_set_release(struct port_set *s)
{
	free(s->v);
	*s = (struct port_set){ 0 };
}

int iface_set_add(struct iface_set *s, const struct iface *i)
{
	int err = mem_grow(&s->v, &s->cap, s->n + 1);

	if (!err)
		s->v[s->n++] = *i;
	return err;
}

bool iface_covers(const struct iface *outer, const struct iface *inner)
{
	if (!outer->wild)
		return !iface_cmp(outer, inner);
	return !strncmp(outer->name, inner->name, strlen(outer->name));
}

/*
 * A wild name sorts before all that it covers, but for the plain name of the
 * same length, which stands right before it.
 */
void iface_set_normalize(struct iface_set *s)
{
	const struct iface *wild = NULL;
	size_t k = 0;

	sort(s->v, s->n, sizeof(*s->v), cmp_iface);
	for (size_t i = 0; i < s->n; i++) {
		if ((wild && iface_covers(wild, &s->v[i])) ||
		    (k && !iface_cmp(&s->v[k - 1], &s->v[i])))
			continue;
		if (k && s->v[i].wild && iface_covers(&s->v[i], &s->v[k - 1]))
			k--;
		s->v[k++] = s->v[i];
		if (s->v[k - 1].wild)
			wild = &s->v[k - 1];
	}
	s->n = k;
}

bool iface_set_is_lo(const struct iface_set *s)
{
	return s->n == 1 && !s->v[0].wild && !strcmp(s->v[0].name, "lo");
}

int iface_set_copy(const struct iface_set *s, struct iface_set *ret)
{
	struct iface_set c = { copy_of(s->v, s->n, sizeof(*s->v)), s->n, s->n };

	if (!c.v)
		return -ENOMEM;
	*ret = c;
	return 0;
}

void iface_set_release(struct iface_set *s)
{
	free(s->v);
	*s = (struct iface_set){ 0 };
}
