/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_copied.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_original.h"
#include "core/mem.h"

const struct nlmsghdr *nft_copied_at(const struct nft_bytes *b, size_t at)
{
	return at < b->n ? (const void *)(b->v + at) : NULL;
}

size_t nft_copied_behind(const struct nlmsghdr *nlh, size_t at)
{
	return at + MNL_ALIGN(nlh->nlmsg_len);
}

const struct nlattr *nft_copied_attr(const struct nlmsghdr *nlh, uint16_t type)
{
	const struct nlattr *v[NFTA_SET_EXPRESSIONS + 1];

	return nft_msg_attrs(nlh, v, NFTA_SET_EXPRESSIONS) ? NULL : v[type];
}

const char *nft_copied_text(const struct nlmsghdr *nlh, uint16_t type)
{
	return nft_attr_str(nft_copied_attr(nlh, type));
}

bool nft_copied_is_set(const struct nlmsghdr *nlh)
{
	return (nlh->nlmsg_type & 0xff) == NFT_MSG_NEWSET;
}

bool nft_copied_is_anonymous(const struct nlmsghdr *set)
{
	return nft_attr_u32(nft_copied_attr(set, NFTA_SET_FLAGS)) &
	       NFT_SET_ANONYMOUS;
}

static int cmp_set(const void *a, const void *b)
{
	const struct nft_copied_set *x = a, *y = b;
	int c = (int)x->family - (int)y->family;

	if (!c)
		c = strcmp(x->name, y->name);
	return c ? c : strcmp(x->table, y->table);
}

static int add(struct nft_copied_sets *s, const struct nlmsghdr *nlh)
{
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return -ENOMEM;
	s->v[s->n++] = (struct nft_copied_set){
		nft_msg_family(nlh), nft_copied_text(nlh, NFTA_SET_TABLE),
		nft_copied_text(nlh, NFTA_SET_NAME), nlh,
	};
	return 0;
}

int nft_copied_sets_find(const struct nft_bytes *b,
			 struct nft_copied_sets *ret)
{
	_cleanup_(nft_copied_sets_release) struct nft_copied_sets s = { 0 };
	const struct nlmsghdr *nlh;
	int err = 0;

	nft_for_each_copied(nlh, b)
		if (!err && nft_copied_is_set(nlh) &&
		    nft_copied_is_anonymous(nlh))
			err = add(&s, nlh);
	if (err)
		return err;
	if (s.n > 1)
		qsort(s.v, s.n, sizeof(*s.v), cmp_set);
	*ret = s;
	s = (struct nft_copied_sets){ 0 };
	return 0;
}

/* The set's name in an expression that can look into one, or NULL. */
static const char *looked_into(const struct nlattr *expr)
{
	static const struct {
		const char *name;
		uint16_t attr;
	} rows[] = {
		{ "lookup", NFTA_LOOKUP_SET },
		{ "dynset", NFTA_DYNSET_SET_NAME },
		{ "objref", NFTA_OBJREF_SET_NAME },
	};
	const struct nlattr *v[NFTA_OBJREF_SET_NAME + 1], *data = NULL;
	const char *name = nft_expr_name(expr, &data);

	for (size_t i = 0; name && data && i < ARRAY_SIZE(rows); i++)
		if (!strcmp(name, rows[i].name) &&
		    !nft_nest_attrs(data, v, NFTA_OBJREF_SET_NAME))
			return v[rows[i].attr] ? nft_attr_str(v[rows[i].attr]) :
						 NULL;
	return NULL;
}

const struct nlmsghdr *nft_copied_set_of(const struct nft_copied_sets *s,
					 const struct nlmsghdr *rule,
					 const struct nlattr *expr)
{
	const struct nft_copied_set like = {
		.family = nft_msg_family(rule),
		.table = nft_copied_text(rule, NFTA_RULE_TABLE),
		.name = looked_into(expr),
	}, *found = NULL;

	if (like.name && s->n)
		found = bsearch(&like, s->v, s->n, sizeof(*s->v), cmp_set);
	return found ? found->nlh : NULL;
}

void nft_copied_sets_release(struct nft_copied_sets *s)
{
	free(s->v);
	*s = (struct nft_copied_sets){ 0 };
}
