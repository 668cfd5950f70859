/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_exchange.h: rules of the host's that jumps take the place
 * of, and that take it back.
 *
 * Shape:  a jump goes in before its rule, which is then deleted; a rule goes
 *         in before the jump that stood for it. Both in the change's batch: no
 *         packet meets neither.
 * Owner:  points into the changeset.
 * Errors: -FAULT_CONFLICT with a diagnostic: a rule is not there any more, or
 *         not on record; -FAULT_STALE: the rules changed meanwhile.
 */
#ifndef CTPOLICY_BACKENDS_NFT_NFT_EXCHANGE_H
#define CTPOLICY_BACKENDS_NFT_NFT_EXCHANGE_H

#include "backends/nft/nft_kernel.h"

struct nft_exchange {
	const struct step *step;	/* adds the jump */
	uint64_t handle;		/* of the rule that goes; 0: `from` */
	size_t at;			/* among the host's rules, with all */
	const struct step *from;	/* takes out a jump for the same rule */
};

struct nft_exchanges {
	struct nft_exchange *v;
	size_t n, cap;
};

/*
 * Find the rules of all steps that add such a jump, as they are at the stamp's
 * generation; one that names a chain or a set that is gone has gone with it,
 * and its jump comes alone. Those found are then left out of ctx->world: what
 * is counted there is what stays.
 */
int nft_exchanges_find(struct backend_ctx *ctx, const struct changeset *cs,
		       struct stamp stamp, struct nft_exchanges *ret,
		       struct diags *d);
void nft_exchanges_release(struct nft_exchanges *x);
/* The handle of the rule that the step's jump takes the place of; 0: none. */
uint64_t nft_exchange_of(const struct nft_exchanges *x, const struct step *s);
/*
 * The same of a jump that follows the step's, with none of the host's rules
 * that stay between them; 0: there is none.
 */
uint64_t nft_exchange_behind(const struct nft_exchanges *x,
			     const struct step *s);
/* originals_lacks_fn; `arg` is the struct nft_world of the same moment. */
int nft_exchange_lacks(void *arg, const struct image_table *t,
		       const char *chain, const char *original,
		       const char **ret);
/* Does another jump take over what this step's stood for? */
bool nft_exchange_hands_over(const struct nft_exchanges *x,
			     const struct step *s);
/* Of the rules that go, those of its chain ahead of a live jump, the step's. */
uint32_t nft_exchanges_ahead(const struct nft_exchanges *x,
			     const struct step *s);
/* Are they in one chain of the host's, live or wanted? */
bool nft_step_shares_chain(const struct step *s, const struct step *of);
/* Does the step take out a jump whose rule comes back? */
bool nft_exchange_puts_back(const struct step *s);
/* The rule that comes back before the jump, the step `first`, and its sets. */
int nft_exchange_write(const struct step *s, size_t first,
		       struct nft_batch *b, struct diags *d);

#endif
