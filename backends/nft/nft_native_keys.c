/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_keys.c: keys of a map that leads out of its chain. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_native.h"
#include "backends/nft/nft_native_units.h"
#include "core/mem.h"

static const struct term *map_of(const struct foreign *f,
				 const struct foreign_rule *r)
{
	for (uint32_t i = 0; i < r->n_terms; i++)
		if (f->terms[r->terms + i].kind == TERM_VMAP)
			return &f->terms[r->terms + i];
	return NULL;
}

/* Of fields whose values nft writes in the order of the network. */
bool nft_native_may_split(const struct foreign *f, const struct foreign_rule *r)
{
	static const enum packet_field fields[] = {
		FIELD_L4PROTO, FIELD_SADDR, FIELD_DADDR, FIELD_SPORT,
		FIELD_DPORT, FIELD_ICMP_TYPE, FIELD_STATE,
	};
	const struct term *t = map_of(f, r);
	const struct key_set *s = t ? &f->sets[t->set] : NULL;

	if (!t || !foreign_leaves_chain(f, r))
		return true;
	if (s->name || !s->known || s->outcome == FOREIGN_NOWHERE ||
	    t->n_fields != 1 || t->masked)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (t->field[0] == fields[i])
			return true;
	return false;
}

static int keys_of(struct arena *a, const struct foreign *f,
		   const struct key_set *s, size_t bytes, bool leaving,
		   struct spans *ret)
{
	_cleanup_free_ struct key_range *v = calloc(s->n + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n; i++)
		if (foreign_leaves(f->outcomes[s->outcome + i].verdict) ==
		    leaving)
			v[n++] = f->ranges[s->first + i];
	return spans_of(a, bytes, v, n, false, ret);
}

int nft_native_keys(const struct nft_native_job *j,
		    const struct nft_native_part *map, bool leaving,
		    struct nft_raw *to, bool *ret_any)
{
	_cleanup_(arena_release) struct arena a = { 0 };
	const struct term *t = map_of(j->f, &j->f->rules[j->rule]);
	const struct nlattr *v[NFTA_SET_USERDATA + 1] = { 0 };
	const struct nlattr *attr;
	struct spans s;
	struct nft_expr e;
	size_t bytes;
	int err;

	if (!t || !map->set || !nft_expr_read(map->expr, &e) ||
	    nft_attr_u32(e.v[NFTA_LOOKUP_SREG]) != NFT_REG_1)
		return -EOPNOTSUPP;
	nft_for_each_bytes(attr, &map->set->set)
		if (mnl_attr_get_type(attr) <= NFTA_SET_USERDATA)
			v[mnl_attr_get_type(attr)] = attr;
	bytes = nft_attr_u32(v[NFTA_SET_KEY_LEN]);
	err = keys_of(&a, j->f, &j->f->sets[t->set], bytes, leaving, &s);
	*ret_any = s.n != 0;
	return err || !s.n ? err :
	       nft_native_among(&s, bytes, nft_attr_u32(v[NFTA_SET_KEY_TYPE]),
				to);
}
