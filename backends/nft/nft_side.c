/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_side.h"

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

int nft_side_shorter(struct arena *a, const struct stateless_rule *r,
		     enum zone_dim dim, struct nft_side *ret)
{
	const struct spans *s = &r->zone.dim[dim];
	struct spans others = { 0 };
	int err = invert(a, r, dim, &others);
	bool negated = !err && others.n && others.n < s->n;

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
		   enum zone_dim dim, struct nft_side *ret, bool *ret_are)
{
	const struct spans *s = &r->zone.dim[dim];
	struct spans others = { 0 };
	int err = invert(a, r, dim, &others);
	bool negated = !are_names(s);

	if (err)
		return err;
	*ret = (struct nft_side){ negated ? others : *s, negated };
	*ret_are = !negated || are_names(&others);
	return 0;
}
