/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_world.c: the host's own tables and chains. */
#include <arpa/inet.h>
#include <string.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "backends/nft/nft_world.h"
#include "core/intern.h"
#include "core/mem.h"

/* From linux/netfilter/nf_tables.h, whose installed version may be older */
#define TABLE_F_OWNER 0x2	/* NFT_TABLE_F_OWNER */
#define TABLE_OWNER 7		/* NFTA_TABLE_OWNER */

/* One name for a table and its family: "2 filter". */
static const char *table_key(uint8_t family, const char *table)
{
	return intern_printf("%u %s", family, table);
}

int nft_world_add_table(struct nft_world *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *v[TABLE_OWNER + 1];
	int err = nft_msg_attrs(nlh, v, TABLE_OWNER);
	uint32_t flags = err ? 0 : nft_attr_u32(v[NFTA_TABLE_FLAGS]);
	struct nft_flagged t = { .dormant = flags & NFT_TABLE_F_DORMANT };

	if (err || !flags)
		return err;
	if (flags & TABLE_F_OWNER)
		t.port = nft_attr_u32(v[TABLE_OWNER]);
	t.key = table_key(nft_msg_family(nlh),
			  nft_attr_str(v[NFTA_TABLE_NAME]));
	if (!t.key || mem_grow(&w->tables, &w->cap_tables, w->n_tables + 1))
		return -ENOMEM;
	w->tables[w->n_tables++] = t;
	return 0;
}

static void take_flags(const struct nft_world *w, struct nft_foreign *f)
{
	const char *key = w->n_tables ? table_key(f->family, f->table) : NULL;

	for (size_t i = 0; i < w->n_tables; i++) {
		const struct nft_flagged *t = &w->tables[i];

		if (t->key != key)
			continue;
		f->dormant = t->dormant;
		f->filter &= !t->dormant;
		f->port = t->port;
	}
}

static enum hook hook_of(uint32_t number)
{
	switch (number) {
	case NF_INET_PRE_ROUTING:
		return HOOK_PREROUTING;
	case NF_INET_LOCAL_IN:
		return HOOK_INPUT;
	case NF_INET_FORWARD:
		return HOOK_FORWARD;
	case NF_INET_LOCAL_OUT:
		return HOOK_OUTPUT;
	case NF_INET_POST_ROUTING:
		return HOOK_POSTROUTING;
	default:
		return HOOK_MAX_;
	}
}

static int read_hook(const struct nlattr *const *v, struct nft_foreign *f)
{
	const struct nlattr *h[NFTA_HOOK_PRIORITY + 1];
	const char *type = nft_attr_str(v[NFTA_CHAIN_TYPE]);
	int err;

	f->hook = HOOK_MAX_;
	if (!v[NFTA_CHAIN_HOOK])
		return 0;
	err = nft_nest_attrs(v[NFTA_CHAIN_HOOK], h, NFTA_HOOK_PRIORITY);
	if (err)
		return err;
	f->base = true;
	f->hook = hook_of(nft_attr_u32(h[NFTA_HOOK_HOOKNUM]));
	f->filter = (f->hook == HOOK_INPUT || f->hook == HOOK_FORWARD ||
		     f->hook == HOOK_OUTPUT) && strcmp(type, "nat");
	f->policy_drop = v[NFTA_CHAIN_POLICY] &&
			 nft_attr_u32(v[NFTA_CHAIN_POLICY]) == NF_DROP;
	return 0;
}

int nft_world_add_chain(struct nft_world *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NFTA_CHAIN_TYPE + 1];
	struct nft_foreign f = { .family = nft_msg_family(nlh) };
	int err = nft_msg_attrs(nlh, v, NFTA_CHAIN_TYPE);

	if (!err)
		err = read_hook(v, &f);
	if (!err)
		err = mem_grow(&w->v, &w->cap, w->n + 1);
	if (err)
		return err;
	f.table = intern(nft_attr_str(v[NFTA_CHAIN_TABLE]));
	f.chain = intern(nft_attr_str(v[NFTA_CHAIN_NAME]));
	if (!f.table || !f.chain)
		return -ENOMEM;
	take_flags(w, &f);
	w->v[w->n++] = f;
	return 0;
}

static int cmp_place(const struct nft_foreign *x, const struct nft_foreign *y)
{
	int c = (int)x->family - (int)y->family;

	if (!c)
		c = strcmp(x->table, y->table);
	return c ? c : strcmp(x->chain, y->chain);
}

static int cmp_foreign(const void *a, const void *b)
{
	return cmp_place(a, b);
}

void nft_world_sort(struct nft_world *w)
{
	if (w->n > 1)
		qsort(w->v, w->n, sizeof(*w->v), cmp_foreign);
}

/* A binary search by hand: the names to look for are not ours to change. */
struct nft_foreign *nft_world_find(struct nft_world *w, uint8_t family,
				   const char *table, const char *chain)
{
	size_t lo = 0, hi = w->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct nft_foreign *f = &w->v[mid];
		int c = (int)family - (int)f->family;

		if (!c)
			c = strcmp(table, f->table);
		if (!c)
			c = strcmp(chain, f->chain);
		if (!c)
			return &w->v[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

int nft_world_count_rule(struct nft_foreign *f, uint64_t handle)
{
	if (mem_grow(&f->handles, &f->cap_handles, f->n_rules + 1))
		return -ENOMEM;
	f->handles[f->n_rules++] = handle;
	return 0;
}

bool nft_world_is_iptables(const struct nft_world *w, uint8_t family,
			   const char *table)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->v[i].base && w->v[i].family == family &&
		    !strcmp(w->v[i].table, table) &&
		    nft_chain_is_iptables(family, table, w->v[i].chain))
			return true;
	return false;
}

void nft_world_release(struct nft_world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].ways);
		free(w->v[i].handles);
	}
	free(w->v);
	free(w->tables);
	nft_named_release(&w->named);
	*w = (struct nft_world){ 0 };
}
