/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/elems.h"

#include <string.h>

#include "core/heads.h"
#include "core/mem.h"
#include "rules/ruleset.h"

size_t field_width(enum field_type t)
{
	static const uint8_t width[] = {
		[FIELD_PORT] = 2,
		[FIELD_ADDR4] = 4,
		[FIELD_ADDR6] = 16,
		[FIELD_IFNAME] = 16,
		[FIELD_ADDRTYPE] = 4,
	};
	_Static_assert(ARRAY_SIZE(width) == FIELD_TYPE_MAX_,
		       "width misses a row");

	return width[t];
}

size_t elems_offset(const struct elems *e, unsigned int i)
{
	size_t at = 0;

	for (unsigned int k = 0; k < i; k++)
		at += field_width(e->field[k]);
	return at;
}

void elems_init(struct elems *e, const enum field_type *field, size_t n)
{
	*e = (struct elems){ .n_fields = (uint8_t)n };
	for (size_t i = 0; i < n; i++) {
		e->field[i] = field[i];
		e->width += (uint16_t)field_width(field[i]);
	}
}

static int reserve(struct elems *e, size_t need)
{
	size_t cap = e->cap, same = e->cap;
	uint8_t *key;

	if (need <= cap)
		return 0;
	key = mem_enlarge(e->key, &cap, need,
			  elems_stride(e) ? elems_stride(e) : 1);
	if (!key)
		return -ENOMEM;
	e->key = key;
	if (e->origins && mem_grow(&e->origins, &same, need))
		return -ENOMEM;
	e->cap = cap;
	return 0;
}

int elems_keep_lasts(struct elems *e)
{
	uint8_t *key;

	if (e->lasts)
		return 0;
	key = malloc(e->cap && e->width ? e->cap * 2 * e->width : 1);
	if (!key)
		return -ENOMEM;
	for (size_t i = 0; i < e->n; i++) {
		uint8_t *at = key + i * 2 * e->width;

		memcpy(at, elems_first(e, i), e->width);
		memcpy(at + e->width, elems_first(e, i), e->width);
	}
	free(e->key);
	e->key = key;
	e->lasts = true;
	return 0;
}

/* There is room for one more, which has another origin than all so far. */
static int tell_apart(struct elems *e)
{
	e->origins = calloc(e->cap, sizeof(*e->origins));
	if (!e->origins)
		return -ENOMEM;
	for (size_t i = 0; i < e->n; i++)
		e->origins[i] = e->origin;
	return 0;
}

int elems_add(struct elems *e, const uint8_t *first, const uint8_t *last,
	      const struct origin *origin)
{
	uint8_t *key;
	int err = reserve(e, e->n + 1);

	if (!err && memcmp(first, last, e->width) != 0)
		err = elems_keep_lasts(e);
	if (!e->n)
		e->origin = origin;
	if (!err && !e->origins && e->origin != origin)
		err = tell_apart(e);
	if (err)
		return err;
	if (e->origins)
		e->origins[e->n] = origin;
	key = e->key + e->n * elems_stride(e);
	memcpy(key, first, e->width);
	if (e->lasts)
		memcpy(key + e->width, last, e->width);
	e->n++;
	return 0;
}

const uint8_t *elems_first(const struct elems *e, size_t i)
{
	return e->key + i * elems_stride(e);
}

const uint8_t *elems_last(const struct elems *e, size_t i)
{
	return e->key + i * elems_stride(e) + (e->lasts ? e->width : 0);
}

static bool is_exact(const struct elems *e, size_t i)
{
	return !memcmp(elems_first(e, i), elems_last(e, i), e->width);
}

bool elems_all_exact(const struct elems *e)
{
	for (size_t i = 0; e->lasts && i < e->n; i++)
		if (!is_exact(e, i))
			return false;
	return true;
}

int elems_cmp(const struct elems *a, size_t i, const struct elems *b, size_t k)
{
	int c = memcmp(elems_first(a, i), elems_first(b, k), a->width);

	return c || (!a->lasts && !b->lasts) ? c :
		memcmp(elems_last(a, i), elems_last(b, k), a->width);
}

int elems_cmp_origin(const struct origin *a, const struct origin *b)
{
	const char *x = a && a->service ? a->service : "";
	const char *y = b && b->service ? b->service : "";

	return a == b ? 0 : strcmp(x, y);
}

static int cmp_elem(const void *a, const void *b, void *arg)
{
	const struct elems *e = arg;
	const size_t *x = a, *y = b;
	int c = memcmp(elems_first(e, *x), elems_first(e, *y), elems_stride(e));

	return c ? c : elems_cmp_origin(elems_origin(e, *x),
					elems_origin(e, *y));
}

static bool is_sorted(const struct elems *e)
{
	for (size_t i = 1; i < e->n; i++) {
		size_t a = i - 1;

		if (cmp_elem(&a, &i, (void *)(uintptr_t)e) > 0)
			return false;
	}
	return true;
}

/* How many bytes all keys begin with alike. */
static size_t common_bytes(const struct elems *e)
{
	size_t n = elems_stride(e);

	for (size_t i = 1; i < e->n; i++) {
		const uint8_t *a = elems_first(e, 0), *b = elems_first(e, i);
		size_t k = 0;

		while (k < n && a[k] == b[k])
			k++;
		n = k;
	}
	return n;
}

/* The first bytes that differ: few comparisons look keys up. */
static uint64_t key_head(const struct elems *e, size_t i, size_t skip)
{
	const uint8_t *key = elems_first(e, i) + skip;
	size_t n = elems_stride(e) - skip < 8 ? elems_stride(e) - skip : 8;
	uint64_t head = 0;

	for (size_t k = 0; k < n; k++)
		head |= (uint64_t)key[k] << (56 - 8 * k);
	return head;
}

static int cmp_item(const void *a, const void *b, void *arg)
{
	const struct head *x = a, *y = b;

	if (x->head != y->head)
		return x->head < y->head ? -1 : 1;
	return cmp_elem(&x->i, &y->i, arg);
}

static int sorted_items(const struct elems *e, struct head **ret)
{
	size_t n = e->n, skip = common_bytes(e), end;
	_cleanup_free_ struct head *v = calloc(n, sizeof(*v));
	bool few = n < HEADS_MIN;
	int err = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		v[i] = (struct head){ key_head(e, i, skip), i };
	if (!few)
		err = heads_sort(&v, n);
	if (err)
		return err;
	/* Those whose heads are the same, or all. */
	for (size_t i = 0; i < n; i = end) {
		end = i + 1;
		while (end < n && (few || v[end].head == v[i].head))
			end++;
		if (end > i + 1)
			qsort_r(v + i, end - i, sizeof(*v), cmp_item,
				(void *)(uintptr_t)e);
	}
	*ret = TAKE_PTR(v);
	return 0;
}

int elems_sort(struct elems *e)
{
	_cleanup_free_ struct head *item = NULL;
	_cleanup_(elems_release) struct elems out = { 0 };
	size_t size = elems_stride(e);
	int err;

	if (!e->width || is_sorted(e))
		return 0;
	err = sorted_items(e, &item);
	if (err)
		return err;
	elems_init(&out, e->field, e->n_fields);
	out.lasts = e->lasts;
	err = reserve(&out, e->n);
	if (!err && e->origins)
		err = tell_apart(&out);
	if (err)
		return err;
	for (size_t i = 0; i < e->n; i++)
		memcpy(out.key + i * size, elems_first(e, item[i].i), size);
	for (size_t i = 0; e->origins && i < e->n; i++)
		out.origins[i] = e->origins[item[i].i];
	out.origin = e->origin;
	out.n = e->n;
	free(e->key);
	free(e->origins);
	*e = out;
	out = (struct elems){ 0 };
	return 0;
}

int elems_copy(const struct elems *e, struct elems *ret)
{
	_cleanup_(elems_release) struct elems c = { 0 };
	int err;

	elems_init(&c, e->field, e->n_fields);
	c.lasts = e->lasts;
	err = reserve(&c, e->n);
	if (!err && e->origins)
		err = tell_apart(&c);
	if (err)
		return err;
	if (e->n && e->width)
		memcpy(c.key, e->key, e->n * elems_stride(e));
	if (e->n && e->origins)
		memcpy(c.origins, e->origins, e->n * sizeof(*c.origins));
	c.origin = e->origin;
	c.n = e->n;
	*ret = c;
	c = (struct elems){ 0 };
	return 0;
}

void elems_release(struct elems *e)
{
	free(e->key);
	free(e->origins);
	e->key = NULL;
	e->origin = NULL;
	e->origins = NULL;
	e->n = e->cap = 0;
	e->lasts = false;
}
