/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_place.c: which rule of its chain has this handle? */
#include "backends/nft/nft_copy.h"

#include <errno.h>
#include <string.h>

struct counting {
	const struct rule_handle *of;
	uint32_t n, found;		/* found: 0: not yet */
};

/* A kernel that knows no chain in the question lists all rules. */
static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_RULE_HANDLE + 1];
	struct counting *x = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_HANDLE);

	if (err || nft_msg_family(nlh) != x->of->family ||
	    strcmp(nft_attr_str(v[NFTA_RULE_TABLE]), x->of->table) != 0 ||
	    strcmp(nft_attr_str(v[NFTA_RULE_CHAIN]), x->of->chain) != 0)
		return err;
	x->n++;
	if (nft_attr_u64(v[NFTA_RULE_HANDLE]) == x->of->handle)
		x->found = x->n;
	return 0;
}

int nft_place_of(struct backend_ctx *ctx, const struct rule_handle *h,
		 uint32_t *ret)
{
	struct nft_dump_of what = {
		.type = NFT_MSG_GETRULE, .family = h->family,
		.table = h->table, .chain = h->chain,
	};
	struct counting x = { .of = h };
	int err = nft_dump(ctx, &what, take, &x);

	if (!err && !x.found)
		err = -ENOENT;
	if (!err)
		*ret = x.found;
	return err;
}
