/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_survey.c: which foreign chains would drop, and whose.
 */
#include <string.h>

#include "backends/nft/nft_world.h"
#include "core/mem.h"

struct search {
	struct nft_world *world;
	int (*read_vmaps)(struct nft_foreign *f, void *arg);
	void *arg;
	struct nft_foreign **stack;
	size_t n, cap;
};

static int push(struct search *s, struct nft_foreign *f)
{
	int err = f->seen ? 0 : mem_grow(&s->stack, &s->cap, s->n + 1);

	if (!err && !f->seen) {
		f->seen = true;
		s->stack[s->n++] = f;
	}
	return err;
}

static int push_targets(struct search *s, const struct nft_foreign *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < f->jumps.n; i++) {
		struct nft_foreign *to = nft_world_find(s->world, f->family,
							f->table,
							f->jumps.v[i]);

		if (to)
			err = push(s, to);
	}
	return err;
}

/* Does a packet in this base chain meet a drop, wherever it jumps? */
static int search(struct search *s, struct nft_foreign *base, bool *ret)
{
	bool drops = base->policy_drop;
	int err;

	for (size_t i = 0; i < s->world->n; i++)
		s->world->v[i].seen = false;
	s->n = 0;
	err = push(s, base);
	while (!err && !drops && s->n) {
		struct nft_foreign *f = s->stack[--s->n];

		if (f->vmaps.n)
			err = s->read_vmaps(f, s->arg);
		drops = f->drops;
		if (!err)
			err = push_targets(s, f);
	}
	*ret = drops;
	return err;
}

static bool in_list(const char *const *v, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(v[i], s))
			return true;
	return false;
}

/* iptables-nft's tables are those with its built-in chains. */
static bool is_iptables(const struct nft_foreign *f)
{
	static const char *const table[] = { "filter", "nat", "mangle", "raw",
					     "security" };
	static const char *const chain[] = { "INPUT", "FORWARD", "OUTPUT",
					     "PREROUTING", "POSTROUTING" };

	return f->base && f->family != NFPROTO_INET &&
	       in_list(table, ARRAY_SIZE(table), f->table) &&
	       in_list(chain, ARRAY_SIZE(chain), f->chain);
}

static enum chain_owner owner_of(const struct nft_foreign *f)
{
	if (!strcmp(f->table, "firewalld"))
		return OWNER_FIREWALLD;
	return is_iptables(f) ? OWNER_IPTABLES_NFT : OWNER_NATIVE;
}

static int add_filter(struct survey *s, const struct nft_foreign *f,
		      struct diags *d)
{
	struct foreign_chain *c;

	if (strlen(f->table) >= sizeof(c->table) ||
	    strlen(f->chain) >= sizeof(c->chain))
		return diag_add(d, DIAG_ERROR, -ENAMETOOLONG, ID_NAME_TOO_LONG,
				NOPOS,
				"chain %s of table %s drops packets, and its "
				"name is too long for ctpolicy", f->chain,
				f->table);
	if (mem_grow(&s->filters, &s->cap_filters, s->n_filters + 1))
		return -ENOMEM;
	c = &s->filters[s->n_filters++];
	*c = (struct foreign_chain){
		.family = f->family, .hook = f->hook, .owner = owner_of(f),
	};
	memcpy(c->table, f->table, strlen(f->table) + 1);
	memcpy(c->chain, f->chain, strlen(f->chain) + 1);
	return 0;
}

int nft_survey(struct nft_world *w,
	       int (*read_vmaps)(struct nft_foreign *f, void *arg), void *arg,
	       struct survey *ret, struct diags *d)
{
	_cleanup_free_ struct nft_foreign **stack = NULL;
	struct search s = { .world = w, .read_vmaps = read_vmaps, .arg = arg };
	int err = 0;

	for (size_t i = 0; !err && i < w->n; i++) {
		struct nft_foreign *f = &w->v[i];
		bool drops = false;

		ret->in_use |= f->n_rules || f->policy_drop;
		ret->iptables_nft |= is_iptables(f);
		ret->firewalld |= owner_of(f) == OWNER_FIREWALLD;
		if (f->filter)
			err = search(&s, f, &drops);
		stack = s.stack;
		if (!err && drops)
			err = add_filter(ret, f, d);
	}
	return err;
}
