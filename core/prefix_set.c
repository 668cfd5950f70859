/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core/prefix_set.c: sets of prefixes. A policy may hold a million: each takes
 * the bytes of its address and one for its length, in an order of which
 * memcmp() is the measure, IPv4 first.
 */
#include <string.h>

#include "core/inet.h"
#include "core/mem.h"

/* Those of one family, `bytes` of address and one of length each. */
struct packed {
	size_t bytes;
	uint8_t *v;
	size_t n, cap;			/* cap in bytes */
};

/*
 * The memory of a set, and how many sets share it: only one that is in order
 * has more than one, and then nobody changes it.
 */
struct prefixes {
	size_t sets;
	bool normal;
	struct packed four, six;
};

static size_t step_of(const struct packed *k)
{
	return k->bytes + 1;
}

static uint8_t *nth(const struct packed *k, size_t i)
{
	return k->v + i * step_of(k);
}

static void prefixes_free(struct prefixes **m)
{
	if (!*m)
		return;
	free((*m)->four.v);
	free((*m)->six.v);
	free(*m);
	*m = NULL;
}

static struct prefixes *prefixes_new(void)
{
	struct prefixes *m = malloc(sizeof(*m));

	if (m)
		*m = (struct prefixes){ .sets = 1, .four.bytes = 4,
					.six.bytes = 16 };
	return m;
}

static int put(struct prefixes *m, const struct prefix *p)
{
	struct packed *k = p->family == AF_INET ? &m->four : &m->six;
	uint8_t *at;

	if (mem_grow(&k->v, &k->cap, (k->n + 1) * step_of(k)))
		return -ENOMEM;
	at = nth(k, k->n++);
	memcpy(at, p->addr, k->bytes);
	at[k->bytes] = p->len;
	return 0;
}

/* There are many copies: none has room to grow. */
static int copy_packed(const struct packed *from, struct packed *to)
{
	size_t size = from->n * step_of(from);

	if (!size)
		return 0;
	to->v = malloc(size);
	if (!to->v)
		return -ENOMEM;
	memcpy(to->v, from->v, size);
	to->n = from->n;
	to->cap = size;
	return 0;
}

static bool has_six(uint8_t family)
{
	return family != AF_INET;
}

static bool has_four(uint8_t family)
{
	return family != AF_INET6;
}

/* A copy of those of a family, which nobody shares yet; NULL: no memory. */
static struct prefixes *copy_of(const struct prefix_set *s, uint8_t family)
{
	_cleanup_(prefixes_free) struct prefixes *m = prefixes_new();
	int err = m ? 0 : -ENOMEM;

	if (!err && !s->many)
		err = put(m, &s->one);
	if (!err && s->many && has_four(family))
		err = copy_packed(&s->many->four, &m->four);
	if (!err && s->many && has_six(family))
		err = copy_packed(&s->many->six, &m->six);
	if (err)
		return NULL;
	m->normal = !s->many || s->many->normal;
	return TAKE_PTR(m);
}

/* In memory that nobody shares. */
static int own(struct prefix_set *s)
{
	struct prefixes *m;

	if (s->many && s->many->sets == 1)
		return 0;
	m = copy_of(s, AF_UNSPEC);
	if (!m)
		return -ENOMEM;
	if (s->many)
		s->many->sets--;
	s->many = m;
	return 0;
}

int prefix_set_add(struct prefix_set *s, const struct prefix *p)
{
	if (!s->n && !s->many) {
		*s = (struct prefix_set){ .n = 1, .one = *p };
		return 0;
	}
	if (own(s) || put(s->many, p))
		return -ENOMEM;
	s->many->normal = false;
	s->n++;
	return 0;
}

struct prefix prefix_set_at(const struct prefix_set *s, size_t i)
{
	const struct packed *k;
	const uint8_t *at;
	struct prefix p;

	if (!s->many)
		return s->one;
	k = i < s->many->four.n ? &s->many->four : &s->many->six;
	at = nth(k, k == &s->many->four ? i : i - s->many->four.n);
	p = (struct prefix){ k == &s->many->four ? AF_INET : AF_INET6,
			     at[k->bytes], { 0 } };
	memcpy(p.addr, at, k->bytes);
	return p;
}

static int cmp_four(const void *a, const void *b)
{
	return memcmp(a, b, 5);
}

static int cmp_six(const void *a, const void *b)
{
	return memcmp(a, b, 17);
}

/* Lists are mostly: people and programs write them so. */
static bool is_sorted(const struct packed *k)
{
	for (size_t i = 1; i < k->n; i++)
		if (memcmp(nth(k, i - 1), nth(k, i), step_of(k)) > 0)
			return false;
	return true;
}

/* By the byte at `at`, in a stable way; false: it is the same in all. */
static bool sort_by_byte(const struct packed *k, size_t at, uint8_t *to)
{
	size_t start[256] = { 0 }, sum = 0;

	for (size_t i = 0; i < k->n; i++)
		start[nth(k, i)[at]]++;
	if (start[k->v[at]] == k->n)
		return false;
	for (size_t i = 0; i < 256; i++) {
		size_t n = start[i];

		start[i] = sum;
		sum += n;
	}
	for (size_t i = 0; i < k->n; i++)
		memcpy(to + start[nth(k, i)[at]]++ * step_of(k), nth(k, i),
		       step_of(k));
	return true;
}

/* From so many on it pays. */
#define RADIX_MIN 256

/* From the last byte to the first; without comparing one with another. */
static bool sort_by_bytes(struct packed *k)
{
	uint8_t *other, *was;

	if (k->n < RADIX_MIN)
		return false;
	other = malloc(k->n * step_of(k));
	if (!other)
		return false;
	k->cap = k->n * step_of(k);
	for (size_t at = step_of(k); at-- > 0; ) {
		if (!sort_by_byte(k, at, other))
			continue;
		was = k->v;
		k->v = other;
		other = was;
	}
	free(other);
	return true;
}

static bool is_inside(const uint8_t *inner, const uint8_t *outer, size_t bytes)
{
	unsigned int len = outer[bytes], whole = len / 8, rest = len % 8;

	if (len > inner[bytes] || memcmp(outer, inner, whole))
		return false;
	return !rest || !((outer[whole] ^ inner[whole]) & (0xff00 >> rest));
}

static void normalize(struct packed *k)
{
	size_t kept = 0;

	if (!is_sorted(k) && !sort_by_bytes(k))
		qsort(k->v, k->n, step_of(k),
		      k->bytes == 4 ? cmp_four : cmp_six);
	/* A containing prefix sorts right before whatever it contains. */
	for (size_t i = 0; i < k->n; i++)
		if (!kept || !is_inside(nth(k, i), nth(k, kept - 1), k->bytes))
			memmove(nth(k, kept++), nth(k, i), step_of(k));
	k->n = kept;
}

void prefix_set_normalize(struct prefix_set *s)
{
	if (!s->many || s->many->normal)
		return;
	normalize(&s->many->four);
	normalize(&s->many->six);
	s->n = s->many->four.n + s->many->six.n;
	s->many->normal = true;
}

static size_t count_family(const struct prefix_set *s, uint8_t family)
{
	if (family == AF_UNSPEC)
		return s->n;
	if (!s->many)
		return s->n && s->one.family == family;
	return family == AF_INET ? s->many->four.n : s->many->six.n;
}

int prefix_set_copy(const struct prefix_set *s, uint8_t family,
		    struct prefix_set *ret)
{
	struct prefix_set c = { .n = count_family(s, family), .one = s->one };

	if (c.n && s->many && c.n == s->n && s->many->normal) {
		c.many = s->many;
		c.many->sets++;
	} else if (c.n && s->many) {
		c.many = copy_of(s, family);
		if (!c.many)
			return -ENOMEM;
	}
	*ret = c;
	return 0;
}

bool prefix_set_has_family(const struct prefix_set *s, uint8_t family)
{
	return count_family(s, family);
}

/* The set is sorted and none is inside another: only one can hold it. */
bool prefix_set_holds(const struct prefix_set *s, const struct prefix *p)
{
	const struct packed *k;
	uint8_t key[17];
	size_t lo = 0, hi;

	if (!s->many)
		return s->n && prefix_contains(&s->one, p);
	k = p->family == AF_INET ? &s->many->four : &s->many->six;
	memcpy(key, p->addr, k->bytes);
	key[k->bytes] = p->len;
	for (hi = k->n; lo < hi; ) {
		size_t mid = lo + (hi - lo) / 2;

		if (memcmp(nth(k, mid), key, step_of(k)) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && is_inside(key, nth(k, lo - 1), k->bytes);
}

bool prefix_set_within(const struct prefix_set *a, const struct prefix_set *b)
{
	for (size_t i = 0; i < a->n; i++) {
		struct prefix p = prefix_set_at(a, i);

		if (!prefix_set_holds(b, &p))
			return false;
	}
	return true;
}

bool prefix_set_contains(const struct prefix_set *s, uint8_t family,
			 const uint8_t *addr)
{
	struct prefix p = prefix_of_one(family, addr);

	return prefix_set_holds(s, &p);
}

int prefix_set_cmp(const struct prefix_set *a, const struct prefix_set *b)
{
	bool shared = a->many && a->many == b->many;

	for (size_t i = 0; !shared && i < a->n && i < b->n; i++) {
		struct prefix x = prefix_set_at(a, i), y = prefix_set_at(b, i);
		int c = prefix_cmp(&x, &y);

		if (c)
			return c;
	}
	return (a->n > b->n) - (a->n < b->n);
}

void prefix_set_release(struct prefix_set *s)
{
	if (s->many && !--s->many->sets)
		prefixes_free(&s->many);
	*s = (struct prefix_set){ 0 };
}
