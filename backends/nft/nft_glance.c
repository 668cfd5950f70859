/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_glance.c: which tables, chains, rules and sets there are.
 *
 * Of ctpolicy's own sets, unless they are large, also what is in them: an
 * element that takes another's place leaves their number as it was.
 *
 * A rule is what it was for as long as its handle is there: what replaces it
 * has another one. Handles are counted anew in a table that was made anew, but
 * not the tables' own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_chains.h"
#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"

/* Of a set whose elements are listed. */
#define LISTED_MAX 4096

struct own_set {
	uint8_t family;
	const char *table, *name;	/* interned */
};

struct glance {
	uint64_t digest;
	struct nft_chains chains;
	struct own_set *v;
	size_t n, cap;
};

static void add_text(struct glance *g, const struct nlattr *a)
{
	const char *s = nft_attr_str(a);

	g->digest = digest_add(g->digest, s, strlen(s) + 1);
}

static void add_number(struct glance *g, uint64_t n)
{
	g->digest = digest_add(g->digest, &n, sizeof(n));
}

static int take_table(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_TABLE_HANDLE + 1];
	int err = nft_msg_attrs(nlh, v, NFTA_TABLE_HANDLE);

	if (err)
		return err;
	add_number(arg, nft_msg_family(nlh));
	add_text(arg, v[NFTA_TABLE_NAME]);
	add_number(arg, nft_attr_u32(v[NFTA_TABLE_FLAGS]));
	add_number(arg, nft_attr_u64(v[NFTA_TABLE_HANDLE]));
	return 0;
}

static int take_chain(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_CHAIN_POLICY + 1];
	struct glance *g = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_CHAIN_POLICY);

	if (!err)
		err = nft_chains_add(&g->chains, nlh);
	if (err)
		return err;
	add_number(arg, nft_msg_family(nlh));
	add_text(arg, v[NFTA_CHAIN_TABLE]);
	add_text(arg, v[NFTA_CHAIN_NAME]);
	add_number(arg, nft_attr_u64(v[NFTA_CHAIN_HANDLE]));
	add_number(arg, nft_attr_u32(v[NFTA_CHAIN_POLICY]));
	return 0;
}

static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_RULE_HANDLE + 1];
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_HANDLE);

	if (err)
		return err;
	add_number(arg, nft_msg_family(nlh));
	add_text(arg, v[NFTA_RULE_TABLE]);
	add_text(arg, v[NFTA_RULE_CHAIN]);
	add_number(arg, nft_attr_u64(v[NFTA_RULE_HANDLE]));
	return 0;
}

static int list_later(struct glance *g, const struct nlmsghdr *nlh,
		      const struct nlattr *const *v)
{
	struct own_set s = {
		nft_msg_family(nlh), intern(nft_attr_str(v[NFTA_SET_TABLE])),
		intern(nft_attr_str(v[NFTA_SET_NAME])),
	};

	if (!s.table || !s.name || mem_grow(&g->v, &g->cap, g->n + 1))
		return -ENOMEM;
	g->v[g->n++] = s;
	return 0;
}

/* Elements that come and go by themselves are not counted. */
static int take_set(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFT_SET_COUNT + 1];
	int err = nft_msg_attrs(nlh, v, NFT_SET_COUNT);

	if (err)
		return err;
	add_number(arg, nft_msg_family(nlh));
	add_text(arg, v[NFTA_SET_TABLE]);
	add_text(arg, v[NFTA_SET_NAME]);
	add_number(arg, nft_attr_u64(v[NFTA_SET_HANDLE]));
	if (!nft_table_is_own(nft_msg_family(nlh),
			      nft_attr_str(v[NFTA_SET_TABLE])) &&
	    !nft_name_is_own(nft_attr_str(v[NFTA_SET_NAME])))
		return 0;
	if (nft_attr_u32(v[NFTA_SET_FLAGS]) &
	    (NFT_SET_ANONYMOUS | NFT_SET_EVAL))
		return 0;
	if (!v[NFT_SET_COUNT])
		return -EOPNOTSUPP;
	add_number(arg, nft_attr_u32(v[NFT_SET_COUNT]));
	return nft_attr_u32(v[NFT_SET_COUNT]) <= LISTED_MAX ?
		       list_later(arg, nlh, v) : 0;
}

static int take_elements(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_SET_ELEM_LIST_ELEMENTS + 1];
	const struct nlattr *list;
	struct glance *g = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_SET_ELEM_LIST_ELEMENTS);

	list = err ? NULL : v[NFTA_SET_ELEM_LIST_ELEMENTS];
	if (list)
		g->digest = digest_add(g->digest, netlink_attr_data(list),
				       netlink_attr_size(list));
	return err;
}

static int list_elements(struct backend_ctx *ctx, struct glance *g)
{
	int err = 0;

	for (size_t i = 0; !err && i < g->n; i++) {
		struct nft_dump_of what = {
			.type = NFT_MSG_GETSETELEM, .family = g->v[i].family,
			.table = g->v[i].table, .set = g->v[i].name,
		};

		err = nft_dump(ctx, &what, take_elements, g);
	}
	return err;
}

static int take_object(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_OBJ_HANDLE + 1];
	int err = nft_msg_attrs(nlh, v, NFTA_OBJ_HANDLE);

	if (err)
		return err;
	add_number(arg, nft_msg_family(nlh));
	add_text(arg, v[NFTA_OBJ_TABLE]);
	add_text(arg, v[NFTA_OBJ_NAME]);
	add_number(arg, nft_attr_u64(v[NFTA_OBJ_HANDLE]));
	return 0;
}

static int glance_once(struct backend_ctx *ctx, void *arg)
{
	static const struct {
		uint16_t type;
		int (*take)(const struct nlmsghdr *nlh, void *arg);
	} dumps[] = {
		{ NFT_MSG_GETTABLE, take_table },
		{ NFT_MSG_GETCHAIN, take_chain },
		{ NFT_MSG_GETSET, take_set },
		{ NFT_MSG_GETOBJ, take_object },
	};
	struct glance *g = arg;
	int err = 0;

	g->digest = DIGEST_START;
	g->n = 0;
	nft_chains_release(&g->chains);
	for (size_t i = 0; !err && i < ARRAY_SIZE(dumps); i++) {
		struct nft_dump_of what = { .type = dumps[i].type,
					    .family = NFPROTO_UNSPEC };

		err = nft_dump(ctx, &what, dumps[i].take, g);
	}
	if (!err)
		err = nft_chains_dump_rules(ctx, &g->chains, take_rule, g);
	return err ? err : list_elements(ctx, g);
}

int nft_glance(struct backend_ctx *ctx, uint64_t *ret, struct diags *d)
{
	struct glance g = { 0 };
	uint32_t generation;
	int err = nft_read_steady(ctx, glance_once, &g, &generation, d);

	if (!err)
		*ret = g.digest;
	nft_chains_release(&g.chains);
	free(g.v);
	return err;
}
