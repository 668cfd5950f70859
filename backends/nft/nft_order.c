/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_order.c: see nft_order.h. */
#include "backends/nft/nft_order.h"

#include <string.h>

#include "core/mem.h"

#define SMALL_SET 64		/* below it the order makes no difference */
#define MUCH_BETTER 8

struct span {
	uint8_t first[16], last[16];
};

static int cmp_span(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct span));
}

/* How many different values field i has. v has room for all. */
static size_t count_values(const struct elems *e, unsigned int i,
			   struct span *v)
{
	size_t at = elems_offset(e, i), w = field_width(e->field[i]), n = 0;

	memset(v, 0, e->n * sizeof(*v));
	for (size_t k = 0; k < e->n; k++) {
		memcpy(v[k].first, elems_first(e, k) + at, w);
		memcpy(v[k].last, elems_last(e, k) + at, w);
	}
	qsort(v, e->n, sizeof(*v), cmp_span);
	for (size_t k = 0; k < e->n; k++)
		n += !k || cmp_span(&v[k - 1], &v[k]);
	return n;
}

static int find_first(const struct elems *e, unsigned int *ret)
{
	_cleanup_free_ struct span *v = NULL;
	size_t best = 0;

	*ret = 0;
	if (e->n_fields < 2 || e->n < SMALL_SET)
		return 0;
	v = malloc(e->n * sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (unsigned int i = 0; i < e->n_fields; i++) {
		size_t n = count_values(e, i, v);

		if (!i)
			n *= MUCH_BETTER;
		if (n > best) {
			best = n;
			*ret = i;
		}
	}
	return 0;
}

/* Where field i of the new order comes from when `top` goes first. */
static unsigned int source(unsigned int i, unsigned int top)
{
	return !i ? top : i <= top ? i - 1 : i;
}

static int reorder(const struct elems *e, unsigned int top, struct elems *to)
{
	enum field_type field[ELEMS_MAX_FIELDS];
	uint8_t first[64], last[64];
	int err = 0;

	for (unsigned int i = 0; i < e->n_fields; i++)
		field[i] = e->field[source(i, top)];
	elems_init(to, field, e->n_fields);
	for (size_t k = 0; !err && k < e->n; k++) {
		size_t out = 0;

		for (unsigned int i = 0; i < e->n_fields; i++) {
			size_t at = elems_offset(e, source(i, top));

			memcpy(first + out, elems_first(e, k) + at,
			       field_width(field[i]));
			memcpy(last + out, elems_last(e, k) + at,
			       field_width(field[i]));
			out += field_width(field[i]);
		}
		err = elems_add(to, first, last, elems_origin(e, k));
	}
	return err;
}

int nft_order_fields(struct elems *e, enum key_part *part, const char **ret)
{
	static const char *const suffix[] = {
		[KEY_SPORT] = "_rsp", [KEY_DPORT] = "_rp",
		[KEY_SADDR] = "_rs", [KEY_DADDR] = "_rd",
		[KEY_IIFNAME] = "_ri", [KEY_OIFNAME] = "_ro",
		[KEY_DADDRTYPE] = "_rt",
	};
	_Static_assert(ARRAY_SIZE(suffix) == KEY_PART_MAX_, "a missing row");
	_cleanup_(elems_release) struct elems to = { 0 };
	enum key_part old[ELEMS_MAX_FIELDS] = { 0 };
	unsigned int top = 0;
	int err = find_first(e, &top);

	if (!err && top)
		err = reorder(e, top, &to);
	if (err)
		return err;
	*ret = top ? suffix[part[top]] : "_r";
	if (!top)
		return 0;
	memcpy(old, part, e->n_fields * sizeof(*part));
	for (unsigned int i = 0; i < e->n_fields; i++)
		part[i] = old[source(i, top)];
	elems_release(e);
	*e = to;
	to = (struct elems){ 0 };
	return 0;
}
