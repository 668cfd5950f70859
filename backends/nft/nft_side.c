/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_side.h"

#include "core/mem.h"
#include "rules/zone.h"

bool nft_side_is_asked(const struct zone *known, const struct stateless_rule *r,
		       enum zone_dim dim)
{
	return !spans_within(&known->dim[dim], &r->zone.dim[dim]);
}

static int invert(struct arena *a, const struct stateless_rule *r,
		  enum zone_dim dim, struct spans *ret)
{
	return spans_invert(a, zone_bytes(r->zone.family, dim),
			    &r->zone.dim[dim], ret);
}

/*
 * nft 1.0.6 takes `tcp sport != 1 tcp dport != 2` for one comparison of both,
 * which a packet passes by one of them alone.
 */
static bool is_mistaken(enum zone_dim dim, const struct spans *others)
{
	return (dim == ZONE_SPORT || dim == ZONE_DPORT) && others->n == 1 &&
	       key_range_is_single(&others->v[0]);
}

int nft_side_shorter(struct arena *a, const struct stateless_rule *r,
		     enum zone_dim dim, struct nft_side *ret)
{
	const struct spans *s = &r->zone.dim[dim];
	struct spans others = { 0 };
	int err = invert(a, r, dim, &others);
	bool negated = !err && others.n && others.n < s->n &&
		       !is_mistaken(dim, &others);

	*ret = (struct nft_side){ negated ? others : *s, negated };
	return err;
}

static bool are_names(const struct spans *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!name_is_pattern(&s->v[i]) || !s->v[i].first[0])
			return false;
	return s->n;
}

int nft_side_names(struct arena *a, const struct stateless_rule *r,
		   enum zone_dim dim, int unsaid, struct nft_side *ret)
{
	const struct spans *s = &r->zone.dim[dim];
	struct spans others = { 0 };
	int err = invert(a, r, dim, &others);
	bool negated = !are_names(s);

	if (err)
		return err;
	if (negated && !are_names(&others))
		return unsaid;
	*ret = (struct nft_side){ negated ? others : *s, negated };
	return 0;
}

int nft_side_ways(const struct zone *known, const struct stateless_rule *r,
		  int unsaid, size_t (*ways)(const struct nft_side *names),
		  size_t *ret)
{
	static const enum zone_dim dims[] = { ZONE_IIF, ZONE_OIF };
	_cleanup_(arena_release) struct arena a = { 0 };
	struct nft_side v;
	size_t n = 1;
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_SIZE(dims); i++) {
		if (!nft_side_is_asked(known, r, dims[i]))
			continue;
		err = nft_side_names(&a, r, dims[i], unsaid, &v);
		if (!err)
			n *= ways(&v);
	}
	if (!err)
		*ret = n;
	return err;
}
