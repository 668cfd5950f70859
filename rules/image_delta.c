/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rules/image_delta.h"

#include <string.h>

#include "core/mem.h"
#include "rules/image_copy.h"

void image_delta_release(struct image_delta *d)
{
	image_free(&d->before);
	image_free(&d->after);
}

/* Made of the same fields: the elements of one are found in the other. */
static bool same_shape(const struct image_set *a, const struct image_set *b)
{
	return a->interval == b->interval && a->hashed == b->hashed &&
	       a->family == b->family &&
	       a->timers == b->timers &&
	       !strcmp(a->kind, b->kind) &&
	       a->elems.n_fields == b->elems.n_fields &&
	       !memcmp(a->elems.field, b->elems.field,
		       a->elems.n_fields * sizeof(a->elems.field[0]));
}

static bool same_rules(const struct image_chain *a, const struct image_chain *b)
{
	if (a->n_rules != b->n_rules || a->base != b->base ||
	    (a->base && a->hook != b->hook))
		return false;
	for (size_t i = 0; i < a->n_rules; i++)
		if (!image_rule_equal(&a->rules[i], &b->rules[i]))
			return false;
	return true;
}

static bool same_comment(const struct origin *a, const struct origin *b)
{
	char x[COMMENT_MAX + 1], y[COMMENT_MAX + 1];

	if (a == b)
		return true;
	origin_comment(a, x, COMMENT_MAX);
	origin_comment(b, y, COMMENT_MAX);
	return !strcmp(x, y);
}

/* Where element i of a stands towards element k of b. */
static int cmp_elems(const struct elems *a, size_t i, const struct elems *b,
		     size_t k)
{
	if (i == a->n)
		return 1;
	if (k == b->n)
		return -1;
	return elems_cmp(a, i, b, k);
}

/* What is in one of the two alone, or has another comment there. */
static int split_elems(const struct elems *a, const struct elems *b,
		       struct elem_copier *only_a, struct elem_copier *only_b)
{
	const struct origin *last_a = NULL, *last_b = NULL;
	bool same = true;
	size_t i = 0, k = 0;
	int err = 0;

	while (!err && (i < a->n || k < b->n)) {
		int c = cmp_elems(a, i, b, k);

		if (!c && (elems_origin(a, i) != last_a ||
			   elems_origin(b, k) != last_b)) {
			last_a = elems_origin(a, i);
			last_b = elems_origin(b, k);
			same = same_comment(last_a, last_b);
		}
		if (c < 0 || (!c && !same))
			err = elem_copy(only_a, a, i);
		if (!err && (c > 0 || (!c && !same)))
			err = elem_copy(only_b, b, k);
		i += c <= 0;
		k += c >= 0;
	}
	return err;
}

/* One table's way into the two images. */
struct making {
	struct image_delta *d;
	struct image_table *before, *after;
};

static int make_set(struct making *m, const struct image_set *b,
		    const struct image_set *a)
{
	struct elem_copier to_b = { .img = m->d->before };
	struct elem_copier to_a = { .img = m->d->after };

	to_b.to = image_copy_set(m->before, b);
	if (!to_b.to)
		return -ENOMEM;
	if (!a || !same_shape(b, a))
		return image_copy_elems(m->d->before, to_b.to, b);
	to_a.to = image_copy_set(m->after, a);
	return to_a.to ? split_elems(&b->elems, &a->elems, &to_b, &to_a) :
			 -ENOMEM;
}

static int make_chain(struct making *m, const struct image_chain *b,
		      const struct image_chain *a)
{
	struct image_chain *to = image_copy_chain(m->before, b);

	if (!to)
		return -ENOMEM;
	if (!a || b->foreign || !same_rules(b, a))
		return image_copy_rules(m->d->before, to, b);
	return image_copy_chain(m->after, a) ? 0 : -ENOMEM;
}

static int make_table(struct image_delta *d, const struct image_table *b,
		      const struct image *after)
{
	const struct image_table *a = image_find_table(after, b->family,
						       b->name);
	static const struct image_table none;
	struct making m = { .d = d };
	int err = 0;

	m.before = image_copy_table(d->before, b);
	m.after = image_copy_table(d->after, b);
	if (!m.before || !m.after)
		return -ENOMEM;
	if (!a)
		a = &none;
	for (size_t i = 0; !err && i < b->n_sets; i++)
		err = make_set(&m, &b->sets[i],
			       image_find_set(a, b->sets[i].name));
	for (size_t i = 0; !err && i < b->n_chains; i++)
		err = make_chain(&m, &b->chains[i],
				 image_find_chain(a, b->chains[i].name));
	return err;
}

int image_delta_make(const struct image *before, const struct image *after,
		     struct image_delta *ret)
{
	_cleanup_(image_delta_release) struct image_delta d = {
		image_new(), image_new(),
	};
	int err = d.before && d.after ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < before->n_tables; i++)
		err = make_table(&d, &before->tables[i], after);
	if (!err)
		err = image_normalize(d.before);
	if (!err)
		err = image_normalize(d.after);
	if (err)
		return err;
	*ret = d;
	d = (struct image_delta){ 0 };
	return 0;
}

/* Are these elements part of a, which k never falls behind? */
static bool skip_to(const struct elems *a, size_t *k, const struct elems *e,
		    size_t i)
{
	while (*k < a->n && cmp_elems(a, *k, e, i) < 0)
		(*k)++;
	return *k < a->n && !cmp_elems(a, *k, e, i);
}

/* What is live, without the elements of a and b, and then those of b. */
static int apply_elems(struct image *img, struct image_set *to,
		       const struct image_set *live, const struct elems *a,
		       const struct image_set *b)
{
	struct elem_copier c = { .img = img, .to = to };
	size_t in_a = 0, in_b = 0;
	int err = 0;

	for (size_t i = 0; !err && i < live->elems.n; i++) {
		bool gone = skip_to(a, &in_a, &live->elems, i);

		if (skip_to(&b->elems, &in_b, &live->elems, i) || gone)
			continue;
		err = elem_copy(&c, &live->elems, i);
	}
	return err ? err : image_copy_elems(img, to, b);
}

static int apply_set(struct image *img, struct image_table *t,
		     const struct image_set *b, const struct image_set *a,
		     const struct image_set *live)
{
	struct image_set *to = image_copy_set(t, b);

	if (!to)
		return -ENOMEM;
	if (!a || !live || !same_shape(b, a) || !same_shape(b, live))
		return image_copy_elems(img, to, b);
	return apply_elems(img, to, live, &a->elems, b);
}

static int apply_chain(struct image *img, struct image_table *t,
		       const struct image_chain *b, const struct image_chain *a,
		       const struct image_chain *live)
{
	struct image_chain *to = image_copy_chain(t, b);

	if (!to)
		return -ENOMEM;
	if (a && !live)
		return 0;
	return image_copy_rules(img, to, a ? live : b);
}

static int apply_table(const struct image_delta *d, const struct image *live,
		       const struct image_table *b, struct image *img)
{
	static const struct image_table none;
	const struct image_table *a =
		image_find_table(d->after, b->family, b->name);
	const struct image_table *l =
		image_find_table(live, b->family, b->name);
	struct image_table *t = image_copy_table(img, b);
	int err = t ? 0 : -ENOMEM;

	if (!a)
		a = &none;
	if (!l)
		l = &none;
	if (t)
		t->iptables |= l->iptables;
	for (size_t i = 0; !err && i < b->n_sets; i++)
		err = apply_set(img, t, &b->sets[i],
				image_find_set(a, b->sets[i].name),
				image_find_set(l, b->sets[i].name));
	for (size_t i = 0; !err && i < b->n_chains; i++)
		err = apply_chain(img, t, &b->chains[i],
				  image_find_chain(a, b->chains[i].name),
				  image_find_chain(l, b->chains[i].name));
	return err;
}

int image_delta_apply(const struct image_delta *d, const struct image *live,
		      struct image **ret)
{
	_cleanup_(image_free) struct image *img = image_new();
	int err = img ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < d->before->n_tables; i++)
		err = apply_table(d, live, &d->before->tables[i], img);
	if (!err)
		err = image_normalize(img);
	if (err)
		return err;
	*ret = TAKE_PTR(img);
	return 0;
}
