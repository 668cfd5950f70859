/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_memory.c: timed sets, and who tells them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_native.h"
#include "core/intern.h"
#include "core/mem.h"
#include "rules/image.h"

/* Whom this host wrote to, or who wrote through it, of one family. */
static int put_set(struct image_table *t, const struct stateless_set *v)
{
	const enum field_type addr = v->family == NFPROTO_IPV4 ? FIELD_ADDR4 :
								 FIELD_ADDR6;
	const enum field_type field[] = {
		addr, FIELD_PORT, v->flows ? addr : FIELD_PORT, FIELD_PORT,
	};
	const char *name = nft_native_set(v->family, v->flows);
	struct image_set *s = name ? image_add_set(t, name) : NULL;

	if (!s)
		return -ENOMEM;
	elems_init(&s->elems, field, v->flows ? 4 : 3);
	s->family = v->family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	nft_set_mark_timed(s);
	return 0;
}

/* It leaves the chain, or is noted. */
static int put_does(struct nft_raw *to, const struct stateless_set *v,
		    const struct stateless_rule *r)
{
	_cleanup_(nft_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	struct nft_writer w = { .rule = rule };

	if (r->does == DO_RETURN)
		return nft_native_verdict(to, FOREIGN_RETURN, NULL);
	if (!rule)
		return -ENOMEM;
	nft_native_note(&w, v->family, v->flows, false);
	return nft_native_flush(&w, to);
}

static int put_way(struct image_chain *c, const struct stateless_set *v,
		   const struct nft_native_asked *x, size_t way, bool both)
{
	_cleanup_(nft_raw_release) struct nft_raw raw = { 0 };
	bool alone;
	int err = nft_native_match(x, way, &raw, &alone);

	if (!err)
		err = put_does(&raw, v, x->r);
	if (!err && both)
		err = nft_native_family(&raw, v->family);
	if (!err)
		err = nft_native_tidy(&raw);
	if (!err)
		err = nft_raw_settle_own(&raw);
	return err || !raw.exprs.n ? err : nft_raw_add_rule(c, &raw);
}

static int put_note(struct image_chain *c, const struct stateless_set *v,
		    const struct stateless_rule *r, bool both)
{
	const struct zone all = zone_all(v->family);
	const struct nft_native_asked x = { r, &all };
	size_t ways = 1;
	int err = nft_native_ways(&x, &ways);

	for (size_t i = 0; !err && i < ways; i++)
		err = put_way(c, v, &x, i, both);
	return err;
}

/* The set, and the chain that fills it at the end of OUTPUT or FORWARD. */
static int put_memory(const struct foreign *f, const struct stateless *s,
		      const struct stateless_set *v, struct image *img)
{
	const struct foreign_table *of = &f->tables[v->table];
	struct image_table *t = image_find_table(img, of->family, of->name);
	enum hook hook = v->flows ? HOOK_FORWARD : HOOK_OUTPUT;
	const char *name = intern_printf("%s%s.note", NFT_OWN_PREFIX,
					 hook_name(hook));
	struct image_chain *c;
	int err;

	if (!t || !name)
		return t ? -ENOMEM : 0;
	c = image_find_chain(t, name);
	if (!c)
		c = image_add_chain(t, name, hook);
	if (!c)
		return -ENOMEM;
	c->base = true;
	err = put_set(t, v);
	for (uint32_t i = 0; !err && i < v->n; i++)
		err = put_note(c, v, &s->inner[v->first + i],
			       of->family == NFPROTO_INET);
	return err;
}

int nft_native_memory(const struct foreign *f, const struct stateless *s,
		      struct image *img)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->n_sets; i++)
		err = put_memory(f, s, &s->sets[i], img);
	return err;
}
