/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"

int nft_named_take(struct nft_named *l, const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NFTA_SET_KEY_TYPE + 1];
	struct nft_named_set s = { .family = nft_msg_family(nlh) };
	int err = nft_msg_attrs(nlh, v, NFTA_SET_KEY_TYPE);

	if (err)
		return err;
	if (nft_attr_u32(v[NFTA_SET_FLAGS]) & NFT_SET_ANONYMOUS)
		return 0;
	s.table = intern(nft_attr_str(v[NFTA_SET_TABLE]));
	s.name = intern(nft_attr_str(v[NFTA_SET_NAME]));
	s.type = nft_attr_u32(v[NFTA_SET_KEY_TYPE]);
	if (!s.table || !s.name || mem_grow(&l->v, &l->cap, l->n + 1))
		return -ENOMEM;
	l->v[l->n++] = s;
	return 0;
}

/* 0: not there, or it does not say. */
static uint32_t type_of(const struct nft_named *l, uint8_t family,
			const char *table, const char *name, size_t n)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].family == family &&
		    !strncmp(l->v[i].name, name, n) && !l->v[i].name[n] &&
		    !strcmp(l->v[i].table, table))
			return l->v[i].type;
	return 0;
}

/* The set that a lookup names; NULL: it is none, or none by a plain name. */
static const char *looks_into(const struct nlattr *expr, bool *ret_map)
{
	const struct nlattr *v[NFTA_LOOKUP_DREG + 1], *data = NULL;
	const char *name = nft_expr_name(expr, &data);

	if (!name || !data || strcmp(name, "lookup") != 0 ||
	    nft_nest_attrs(data, v, NFTA_LOOKUP_DREG) ||
	    nft_expr_anonymous(expr))
		return NULL;
	name = nft_attr_str(v[NFTA_LOOKUP_SET]);
	*ret_map = v[NFTA_LOOKUP_DREG];
	return *name && !strpbrk(name, " =") ? name : NULL;
}

void nft_named_print(const struct nft_named *l, uint8_t family,
		     const char *table, const struct nft_raw *r,
		     struct strbuf *out)
{
	const struct nlattr *a;

	nft_for_each_bytes(a, &r->exprs) {
		bool map;
		const char *name = looks_into(a, &map);
		uint32_t type = name ? type_of(l, family, table, name,
					       strlen(name)) : 0;

		if (type)
			strbuf_printf(out, " %s=%u", name, type);
	}
}

static const char *kind_of(const struct nft_raw *r, const char *name, size_t n)
{
	const struct nlattr *a;

	nft_for_each_bytes(a, &r->exprs) {
		bool map = false;
		const char *of = looks_into(a, &map);

		if (of && !strncmp(of, name, n) && !of[n] && map)
			return "map";
	}
	return "set";
}

int nft_named_changed(const struct nft_named *l, uint8_t family,
		      const char *table, const char *text, const char **ret)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = nft_raw_parse(text, &r);

	*ret = NULL;
	for (const char *s = text; !err && (s = strchr(s, ' ')); ) {
		size_t n = strcspn(++s, " =");
		uint32_t now, type = s[n] == '=' ?
			(uint32_t)strtoul(s + n + 1, NULL, 10) : 0;

		now = type ? type_of(l, family, table, s, n) : 0;
		if (!now || now == type)
			continue;
		*ret = intern_printf("%s %.*s", kind_of(&r, s, n), (int)n, s);
		return *ret ? 0 : -ENOMEM;
	}
	return err;
}

void nft_named_release(struct nft_named *l)
{
	free(l->v);
	*l = (struct nft_named){ 0 };
}
