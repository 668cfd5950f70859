/* SPDX-License-Identifier: GPL-2.0-or-later */
/* core/inet_set.c: the sets of core/inet.h. */
#include <string.h>

#include "core/heads.h"
#include "core/inet.h"
#include "core/mem.h"

static int cmp_prefix(const void *a, const void *b)
{
	return prefix_cmp(a, b);
}

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

/* What prefix_cmp() looks at: of IPv4 all, of IPv6 the first half. */
static uint64_t head_of(const struct prefix *p)
{
	uint64_t head = 0;

	for (size_t i = 0; i < 8; i++)
		head = head << 8 | p->addr[i];
	return p->family == AF_INET ? head | p->len : head;
}

/*
 * The memory of a set, and how many sets share it: only one that is in order
 * has more than one, and then nobody changes it.
 */
struct shared {
	size_t sets;
	bool normal;
	struct prefix v[];
};

static struct shared *memory_of(const struct prefix_set *s)
{
	uint8_t *at = (uint8_t *)(uintptr_t)s->v;

	return s->cap ? (void *)(at - offsetof(struct shared, v)) : NULL;
}

/* m, enlarged, or new memory; NULL, with m still valid: there is none. */
static struct shared *enlarge(struct shared *m, size_t cap)
{
	struct shared *more = cap > SIZE_MAX / 2 / sizeof(*more->v) ? NULL :
		realloc(m, sizeof(*more) + cap * sizeof(*more->v));

	if (more && !m)
		*more = (struct shared){ .sets = 1 };
	return more;
}

static void put_of(const struct prefix *v, const struct head *order, size_t n,
		   uint8_t family, struct prefix **to)
{
	for (size_t i = 0; i < n; i++)
		if (v[order[i].i].family == family)
			*(*to)++ = v[order[i].i];
}

/* In the order of their heads, family by family, where there is memory. */
static void order_by_heads(struct prefix_set *s)
{
	_cleanup_free_ struct head *order = calloc(s->n + 1, sizeof(*order));
	_cleanup_free_ struct shared *m = enlarge(NULL, s->n);
	struct prefix *end = m ? m->v : NULL;

	for (size_t i = 0; order && i < s->n; i++)
		order[i] = (struct head){ head_of(&s->v[i]), i };
	if (!order || !m || heads_sort(&order, s->n))
		return;
	put_of(s->v, order, s->n, AF_INET, &end);
	put_of(s->v, order, s->n, AF_INET6, &end);
	if (end != m->v + s->n)
		return;
	free(memory_of(s));
	*s = (struct prefix_set){ TAKE_PTR(m)->v, s->n, s->n };
}

/* Memory of its own even for no items. */
static void *copy_of(const void *v, size_t n, size_t size)
{
	void *c = malloc(n ? n * size : 1);

	if (c && n)
		memcpy(c, v, n * size);
	return c;
}

/* Room for one more, in memory that nobody shares. */
static struct shared *room_for_one(struct prefix_set *s)
{
	struct shared *m = memory_of(s), *more;
	bool alone = m && m->sets == 1;
	size_t cap = s->cap ? s->cap : 4;

	if (alone && s->n < s->cap)
		return m;
	more = enlarge(alone ? m : NULL, s->n < s->cap ? cap : 2 * cap);
	if (!more)
		return NULL;
	if (!alone && s->n)
		memcpy(more->v, s->v, s->n * sizeof(*s->v));
	if (m && !alone)
		m->sets--;
	s->v = more->v;
	s->cap = s->n < s->cap ? cap : 2 * cap;
	return more;
}

int prefix_set_add(struct prefix_set *s, const struct prefix *p)
{
	struct shared *m = room_for_one(s);

	if (!m)
		return -ENOMEM;
	m->v[s->n++] = *p;
	m->normal = false;
	return 0;
}

void prefix_set_normalize(struct prefix_set *s)
{
	struct shared *m = memory_of(s);
	size_t k = 0;

	if (!m || m->normal)
		return;
	/* Of a hundred thousand, unsorted, few are left to be compared. */
	if (s->n >= HEADS_MIN &&
	    !is_sorted(s->v, s->n, sizeof(*s->v), cmp_prefix))
		order_by_heads(s);
	m = memory_of(s);
	/* A containing prefix sorts right before whatever it contains. */
	sort(m->v, s->n, sizeof(*m->v), cmp_prefix);
	for (size_t i = 0; i < s->n; i++)
		if (!k || !prefix_contains(&m->v[k - 1], &m->v[i]))
			m->v[k++] = m->v[i];
	s->n = k;
	m->normal = true;
}

static size_t count_family(const struct prefix_set *s, uint8_t family)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].family == family;
	return n;
}

int prefix_set_copy(const struct prefix_set *s, uint8_t family,
		    struct prefix_set *ret)
{
	size_t n = family == AF_UNSPEC ? s->n : count_family(s, family), k = 0;
	struct shared *m = memory_of(s);

	if (n && n == s->n && m && m->normal) {
		m->sets++;
		*ret = *s;
		return 0;
	}
	/* There are many copies: none has room to grow. */
	m = n ? enlarge(NULL, n) : NULL;
	if (n && !m)
		return -ENOMEM;
	for (size_t i = 0; k < n; i++)
		if (family == AF_UNSPEC || s->v[i].family == family)
			m->v[k++] = s->v[i];
	*ret = (struct prefix_set){ m ? m->v : NULL, n, n };
	return 0;
}

/* The set is sorted and none is inside another: only one can hold it. */
bool prefix_set_contains(const struct prefix_set *s, uint8_t family,
			 const uint8_t *addr)
{
	struct prefix p = { .family = family,
			    .len = family == AF_INET ? 32 : 128 };
	size_t lo = 0, hi = s->n;

	memcpy(p.addr, addr, family == AF_INET ? 4 : 16);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (prefix_cmp(&s->v[mid], &p) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo && prefix_contains(&s->v[lo - 1], &p)) ||
	       (lo < s->n && prefix_contains(&s->v[lo], &p));
}

void prefix_set_release(struct prefix_set *s)
{
	struct shared *m = memory_of(s);

	if (m && !--m->sets)
		free(m);
	*s = (struct prefix_set){ 0 };
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

static bool iface_covers(const struct iface *outer, const struct iface *inner)
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
