/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/lower/share.h"

#include <string.h>

#include "core/digest.h"
#include "core/mem.h"

/* What a group's member is, whatever the direction. */
struct flow {
	const struct rule *rule;
	uint64_t digest;
};

struct view {
	size_t group;
	uint64_t digest;
	struct flow *v;
	size_t n;
};

/* All views, and the room that their flows are in. */
struct views {
	struct view *v;
	struct flow *flows;
};

/* The values of a part: addresses, or `size` bytes each, one after another. */
struct values {
	const struct prefix_set *addresses;
	const void *v;
	size_t n, size;
};

static struct values values_of(const struct rule *r, enum key_part part)
{
	const struct match *m = &r->match;

	switch (part) {
	case KEY_SPORT:
		return (struct values){ NULL, m->sport.v, m->sport.n,
					sizeof(*m->sport.v) };
	case KEY_DPORT:
		return (struct values){ NULL, m->dport.v, m->dport.n,
					sizeof(*m->dport.v) };
	case KEY_SADDR:
		return (struct values){ .addresses = &m->saddr,
					.n = m->saddr.n };
	case KEY_DADDR:
		return (struct values){ .addresses = &m->daddr,
					.n = m->daddr.n };
	case KEY_IIFNAME:
		return (struct values){ NULL, m->iif.v, m->iif.n,
					sizeof(*m->iif.v) };
	case KEY_OIFNAME:
		return (struct values){ NULL, m->oif.v, m->oif.n,
					sizeof(*m->oif.v) };
	case KEY_DADDRTYPE:
	case KEY_PART_MAX_:
		break;
	}
	return (struct values){ 0 };
}

static uint64_t digest_nth(uint64_t h, const struct values *x, size_t i)
{
	struct prefix p;

	if (!x->addresses)
		return digest_add(h, (const uint8_t *)x->v + i * x->size,
				  x->size);
	p = prefix_set_at(x->addresses, i);
	return digest_add(h, &p, sizeof(p));
}

/* Both ends of a list tell most lists apart; same_flow() tells for sure. */
static uint64_t digest_flow(const struct fuse_group *g, const struct rule *r)
{
	uint64_t h = digest_add(DIGEST_START, &r->origin, sizeof(r->origin));

	for (unsigned int i = 0; i < g->n_parts; i++) {
		struct values x = values_of(r, g->part[i]);

		h = digest_add(h, &x.n, sizeof(x.n));
		if (!x.n)
			continue;
		h = digest_nth(h, &x, 0);
		h = digest_nth(h, &x, x.n - 1);
	}
	return h;
}

static bool same_values(struct values a, struct values b)
{
	if (a.addresses && b.addresses)
		return !prefix_set_cmp(a.addresses, b.addresses);
	return !a.addresses && !b.addresses && a.n == b.n && a.size == b.size &&
	       (!a.n || !memcmp(a.v, b.v, a.n * a.size));
}

static bool same_flow(const struct fuse_group *g, const struct rule *r,
		      const struct fuse_group *og, const struct rule *o)
{
	if (r->origin != o->origin)
		return false;
	for (unsigned int i = 0; i < g->n_parts; i++)
		if (!same_values(values_of(r, g->part[i]),
				 values_of(o, og->part[i])))
			return false;
	return true;
}

static int cmp_flow(const void *a, const void *b)
{
	const struct flow *x = a, *y = b;

	return (x->digest > y->digest) - (x->digest < y->digest);
}

static int cmp_view(const void *a, const void *b)
{
	const struct view *x = a, *y = b;

	if (x->digest != y->digest)
		return x->digest > y->digest ? 1 : -1;
	return (x->group > y->group) - (x->group < y->group);
}

static void drop_twins(const struct fuse_group *g, struct view *view)
{
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++)
		if (!n || view->v[n - 1].digest != view->v[i].digest ||
		    !same_flow(g, view->v[n - 1].rule, g, view->v[i].rule))
			view->v[n++] = view->v[i];
	view->n = n;
}

static bool by_timers(const struct fuse_group *g)
{
	return g->model.action == ACTION_TIMERS;
}

/* Fills in all but the group, from where v has room for its members. */
static void look_at(const struct fuse_group *g, struct view *view)
{
	const uint32_t plain[] = { g->realm, g->model.action, g->model.roles,
				   g->family, g->model.match.proto,
				   g->n_parts };
	uint64_t h = digest_add(DIGEST_START, plain, sizeof(plain));

	for (view->n = 0; view->n < g->n_members; view->n++)
		view->v[view->n] = (struct flow){
			g->members[view->n],
			digest_flow(g, g->members[view->n]),
		};
	qsort(view->v, view->n, sizeof(*view->v), cmp_flow);
	drop_twins(g, view);
	for (size_t i = 0; i < view->n; i++)
		h = digest_add(h, &view->v[i].digest,
			       sizeof(view->v[i].digest));
	view->digest = h;
}

static bool same_kind(const struct fuse_group *a, const struct fuse_group *b)
{
	if (a->realm != b->realm || a->model.action != b->model.action ||
	    a->model.roles != b->model.roles ||
	    a->model.match.proto != b->model.match.proto ||
	    a->family != b->family || a->n_parts != b->n_parts ||
	    (by_timers(a) && a->model.then != b->model.then))
		return false;
	for (unsigned int i = 0; i < a->n_parts; i++)
		if (key_part_field(a->part[i], a->family) !=
		    key_part_field(b->part[i], b->family))
			return false;
	return true;
}

static bool same_view(const struct fuse *f, const struct view *a,
		      const struct view *b)
{
	const struct fuse_group *x = &f->v[a->group], *y = &f->v[b->group];

	if (a->n != b->n || !same_kind(x, y))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].digest != b->v[i].digest ||
		    !same_flow(x, a->v[i].rule, y, b->v[i].rule))
			return false;
	return true;
}

/* v[from] and those behind it that look the same, which stand in order. */
static void link_class(struct fuse *f, const struct view *v, size_t from,
		       size_t end)
{
	size_t last = v[from].group;

	if (f->v[last].first != last)
		return;
	for (size_t i = from + 1; i < end; i++) {
		size_t at = v[i].group;

		if (f->v[at].first != at || !same_view(f, &v[from], &v[i]))
			continue;
		f->v[at].first = v[from].group;
		f->v[last].next = at;
		last = at;
	}
}

static void release_views(struct views *x)
{
	free(x->v);
	free(x->flows);
}

static int look_at_all(const struct fuse *f, struct views *ret, size_t *ret_n)
{
	size_t members = 0, used = 0, n = 0;

	for (size_t i = 0; i < f->n; i++)
		members += f->v[i].n_members;
	ret->v = calloc(f->n + 1, sizeof(*ret->v));
	ret->flows = calloc(members + 1, sizeof(*ret->flows));
	if (!ret->v || !ret->flows)
		return -ENOMEM;
	for (size_t i = 0; i < f->n; i++) {
		if (!f->v[i].n_parts)
			continue;
		ret->v[n].group = i;
		ret->v[n].v = ret->flows + used;
		look_at(&f->v[i], &ret->v[n++]);
		used += f->v[i].n_members;
	}
	qsort(ret->v, n, sizeof(*ret->v), cmp_view);
	*ret_n = n;
	return 0;
}

int fuse_share(struct fuse *f)
{
	_cleanup_(release_views) struct views x = { 0 };
	size_t n, end;
	int err = look_at_all(f, &x, &n);

	if (err)
		return err;
	for (size_t i = 0; i < f->n; i++) {
		f->v[i].first = i;
		f->v[i].next = FUSE_LAST;
	}
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1; end < n && x.v[end].digest == x.v[i].digest;)
			end++;
		for (size_t k = i; k < end; k++)
			link_class(f, x.v, k, end);
	}
	return 0;
}

bool fuse_is_shared(const struct fuse *f, size_t group)
{
	return f->v[f->v[group].first].next != FUSE_LAST;
}
