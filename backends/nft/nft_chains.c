/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_chains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_kept.h"
#include "core/intern.h"
#include "core/mem.h"

/* So many short rules fill a message of a dump. */
#define RULES_A_MESSAGE 150
/* A question takes as long as the kernel takes to pass so many rules by. */
#define QUESTION 250

int nft_chains_add(struct nft_chains *c, const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NFTA_CHAIN_USE + 1];
	struct nft_chain_name x = { .family = nft_msg_family(nlh) };
	int err = nft_msg_attrs(nlh, v, NFTA_CHAIN_USE);

	if (err)
		return err;
	x.table = intern(nft_attr_str(v[NFTA_CHAIN_TABLE]));
	x.chain = intern(nft_attr_str(v[NFTA_CHAIN_NAME]));
	if (!x.table || !x.chain || mem_grow(&c->v, &c->cap, c->n + 1))
		return -ENOMEM;
	c->v[c->n++] = x;
	c->rules += nft_attr_u32(v[NFTA_CHAIN_USE]);
	return 0;
}

void nft_chains_release(struct nft_chains *c)
{
	free(c->v);
	*c = (struct nft_chains){ 0 };
}

struct rules_of {
	const struct nft_chain_name *chain;
	int (*cb)(const struct nlmsghdr *nlh, void *arg);
	void *arg;
};

/* A kernel that knows no chain in the question lists all rules. */
static int take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_RULE_CHAIN + 1];
	const struct rules_of *r = arg;
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_CHAIN);

	if (err || nft_msg_family(nlh) != r->chain->family ||
	    strcmp(nft_attr_str(v[NFTA_RULE_CHAIN]), r->chain->chain) != 0 ||
	    strcmp(nft_attr_str(v[NFTA_RULE_TABLE]), r->chain->table) != 0)
		return err;
	return r->cb(nlh, r->arg);
}

static bool is_worth_questions(const struct nft_chains *c)
{
	return c->n > 1 && c->rules / (2 * RULES_A_MESSAGE) * c->rules >
				   (uint64_t)c->n * QUESTION;
}

int nft_chains_dump_rules(struct backend_ctx *ctx, const struct nft_chains *c,
			  int (*cb)(const struct nlmsghdr *nlh, void *arg),
			  void *arg)
{
	struct nft_dump_of what = { .type = NFT_MSG_GETRULE,
				    .family = NFPROTO_UNSPEC };
	int err = 0;

	if (!is_worth_questions(c))
		return nft_dump(ctx, &what, cb, arg);
	for (size_t i = 0; !err && i < c->n; i++) {
		struct rules_of r = { &c->v[i], cb, arg };

		what.family = r.chain->family;
		what.table = r.chain->table;
		what.chain = r.chain->chain;
		err = c->keeps ? nft_kept_dump(ctx, &what, take_rule, &r) :
				 nft_dump(ctx, &what, take_rule, &r);
	}
	return err;
}
