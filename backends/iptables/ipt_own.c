/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/iptables/ipt_own.c: rules for each service, with sets of its own. */
#include <string.h>

#include "backends/iptables/ipt_group.h"
#include "backends/xtables/ipt_rows.h"
#include "core/mem.h"

/* The values of r's part. */
static int make_set(const struct ipt_group *g, const struct rule *r,
		    enum key_part part, const struct image_set **ret)
{
	const char *service = r->origin->service ? r->origin->service : "";
	_cleanup_(elems_release) struct elems e = { 0 };
	int err;

	fuse_init_elems(g->g, &part, 1, &e);
	err = fuse_expand(r, &part, 1, &e);
	if (!err)
		err = ipt_group_fit(g, r, &e);
	if (err)
		return err;
	*ret = ipt_group_set(g, service, &part, &e);
	return *ret ? 0 : -ENOMEM;
}

/* r's addresses of one side, as a set when there are several. */
static int own_side(const struct ipt_group *g, const struct rule *r,
		    enum key_part part, struct image_rule *out)
{
	bool src = part == KEY_SADDR;
	const struct prefix_set *in = src ? &r->match.saddr : &r->match.daddr;
	struct prefix_set *mine = src ? &out->match.saddr : &out->match.daddr;
	const struct ipt_set_of of = { r->origin, in, &part, 1 };
	const struct image_set *s;
	int err = 0;

	if (!in->n || !prefix_set_at(in, 0).len)
		return 0;
	if (in->n == 1)
		return prefix_set_copy(in, AF_UNSPEC, mine);
	s = ipt_shared_find(g, &of);
	if (!s) {
		err = make_set(g, r, part, &s);
		if (!err)
			err = ipt_shared_add(g, &of, s);
	}
	if (!err)
		ipt_group_lookup(out, s, &part, 1);
	return err;
}

/* One rule for 15 ports. The first makes the sets, the others look up too. */
int ipt_own_emit(const struct ipt_group *g, const struct rule *r)
{
	size_t start = g->chain->n_rules;
	struct image_rule *base;
	struct rule ports = *r;
	int err;

	memset(&ports.match.saddr, 0, sizeof(ports.match.saddr));
	memset(&ports.match.daddr, 0, sizeof(ports.match.daddr));
	err = ipt_group_rows(g, &ports);
	if (err)
		return err;
	base = &g->chain->rules[start];
	err = own_side(g, r, KEY_SADDR, base);
	if (!err)
		err = own_side(g, r, KEY_DADDR, base);
	for (size_t i = start + 1; !err && i < g->chain->n_rules; i++) {
		struct image_rule *out = &g->chain->rules[i];

		memcpy(out->lookup, base->lookup, sizeof(out->lookup));
		out->n_lookups = base->n_lookups;
		err = prefix_set_copy(&base->match.saddr, AF_UNSPEC,
				      &out->match.saddr);
		if (!err)
			err = prefix_set_copy(&base->match.daddr, AF_UNSPEC,
					      &out->match.daddr);
	}
	return err;
}

uint64_t ipt_own_count(const struct rule *r)
{
	struct rule ports = *r;

	memset(&ports.match.saddr, 0, sizeof(ports.match.saddr));
	memset(&ports.match.daddr, 0, sizeof(ports.match.daddr));
	return ipt_rows_count(&ports);
}
