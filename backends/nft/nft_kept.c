/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_kept.h"

#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"

/* Of less, the kernel gives a second dump as fast as it is kept. */
#define KEPT_MIN (2u << 20)
#define KEPT_MAX (128u << 20)

struct nft_kept {
	uint32_t generation;
	uint8_t family;
	const char *table, *chain;	/* interned */
	uint8_t *msgs;			/* one behind the other */
	size_t n, cap;
};

struct keeping {
	nft_rule_fn *take;
	void *arg;
	struct nft_kept *to;		/* NULL: too much, or no memory */
};

void nft_kept_free(struct nft_kept **k)
{
	if (*k)
		free((*k)->msgs);
	free(*k);
	*k = NULL;
}

/* NULL: there is no memory, and nothing is kept. */
static struct nft_kept *begin(const struct backend_ctx *ctx,
			      const struct nft_dump_of *what)
{
	struct nft_kept *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->generation = ctx->generation;
	k->family = what->family;
	k->table = intern(what->table);
	k->chain = intern(what->chain);
	if (!k->table || !k->chain)
		nft_kept_free(&k);
	return k;
}

static int take_and_keep(const struct nlmsghdr *nlh, void *arg)
{
	struct keeping *k = arg;
	size_t n = NLMSG_ALIGN(nlh->nlmsg_len);

	if (k->to && (k->to->n + n > KEPT_MAX ||
		      mem_grow(&k->to->msgs, &k->to->cap, k->to->n + n)))
		nft_kept_free(&k->to);
	if (k->to) {
		memcpy(k->to->msgs + k->to->n, nlh, nlh->nlmsg_len);
		k->to->n += n;
	}
	return k->take(nlh, k->arg);
}

static bool is_kept(const struct backend_ctx *ctx,
		    const struct nft_dump_of *what)
{
	const struct nft_kept *k = ctx->kept;

	return k && k->generation == ctx->generation &&
	       k->family == what->family && !strcmp(k->table, what->table) &&
	       !strcmp(k->chain, what->chain);
}

static int give(const struct nft_kept *k, nft_rule_fn *take, void *arg)
{
	int err = 0;

	for (size_t at = 0; !err && at < k->n;) {
		const struct nlmsghdr *nlh = (const void *)(k->msgs + at);

		at += NLMSG_ALIGN(nlh->nlmsg_len);
		err = take(nlh, arg);
	}
	return err;
}

/* Only the largest is worth it. */
static void keep(struct backend_ctx *ctx, struct nft_kept **k)
{
	bool stale = ctx->kept && ctx->kept->generation != ctx->generation;

	if (stale)
		nft_kept_free(&ctx->kept);
	if (!*k || (*k)->n < KEPT_MIN ||
	    (ctx->kept && ctx->kept->n >= (*k)->n))
		return;
	nft_kept_free(&ctx->kept);
	ctx->kept = TAKE_PTR(*k);
}

int nft_kept_dump(struct backend_ctx *ctx, const struct nft_dump_of *what,
		  nft_rule_fn *take, void *arg)
{
	struct keeping k = { take, arg, begin(ctx, what) };
	int err = nft_dump(ctx, what, take_and_keep, &k);

	if (!err)
		keep(ctx, &k.to);
	nft_kept_free(&k.to);
	return err;
}

int nft_kept_rules(struct backend_ctx *ctx, const struct nft_dump_of *what,
		   nft_rule_fn *take, void *arg)
{
	int err;

	if (!is_kept(ctx, what))
		return nft_dump(ctx, what, take, arg);
	err = give(ctx->kept, take, arg);
	nft_kept_free(&ctx->kept);
	return err;
}
