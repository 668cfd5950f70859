/* SPDX-License-Identifier: GPL-2.0-or-later */
/* audit/places_shared.c: chains that packets without a socket here reach. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/places_parts.h"
#include "core/mem.h"

/*
 * The kernel lets nobody ask for the socket of a packet where forwarded ones
 * or those that leave may come by: xt_socket.c, socket_mt*_reg.hooks, and
 * nft_socket_validate().
 */
static bool has_sockets(const char *hook)
{
	return !strcmp(hook, "input") || !strcmp(hook, "prerouting");
}

static void mark(struct search *x, uint32_t chain);

static void mark_target(struct search *x, const struct here *h,
			const struct foreign_outcome *v)
{
	uint32_t to = places_target(x, h, v);

	if (to != FOREIGN_NOWHERE && !x->shared[to])
		mark(x, to);
}

static void mark_map(struct search *x, const struct here *h,
		     const struct term *t)
{
	const struct key_set *s;

	if (t->kind != TERM_VMAP)
		return;
	s = &x->f->sets[t->set];
	if (s->outcome == FOREIGN_NOWHERE || !s->n_fields)
		return;
	for (uint32_t i = 0; i < s->n / s->n_fields; i++)
		mark_target(x, h, &x->f->outcomes[s->outcome + i]);
}

/* No deeper than the host has chains: each is marked once. */
static void mark(struct search *x, uint32_t chain)
{
	const struct foreign *f = x->f;
	struct here h = places_chain(x, chain, false);

	x->shared[chain] = true;
	for (uint32_t i = 0; i < h.n; i++) {
		const struct foreign_rule *r = &f->rules[h.rules[i]];
		const struct foreign_outcome v = { r->verdict, r->target };

		mark_target(x, &h, &v);
		for (uint32_t k = 0; k < r->n_terms; k++)
			mark_map(x, &h, &f->terms[r->terms + k]);
	}
}

int places_mark_shared(struct search *x)
{
	const struct foreign *f = x->f;

	x->shared = calloc(f->n_chains + 1, sizeof(*x->shared));
	if (!x->shared)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->n_chains; i++)
		if (f->chains[i].hook && !has_sockets(f->chains[i].hook) &&
		    !x->shared[i])
			mark(x, i);
	return 0;
}
