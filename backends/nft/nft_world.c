/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_world.c: what a foreign chain does, from its messages.
 *
 * Only the attributes that tell a drop or a jump are read: a host may have a
 * hundred thousand rules.
 */
#include <arpa/inet.h>
#include <string.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "backends/nft/nft_world.h"
#include "core/mem.h"

static int add_name(struct nft_names *s, const char *name)
{
	char *copy;

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], name))
			return 0;
	if (mem_grow(&s->v, &s->cap, s->n + 1))
		return -ENOMEM;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	s->v[s->n++] = copy;
	return 0;
}

static void release_names(struct nft_names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct nft_names){ 0 };
}

static int dormant_key(uint8_t family, const char *table, char *buf, size_t n)
{
	return snprintf(buf, n, "%u %s", family, table) < (int)n ? 0 : -EINVAL;
}

int nft_world_add_table(struct nft_world *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *v[NFTA_TABLE_FLAGS + 1];
	char key[300];
	int err = nft_msg_attrs(nlh, v, NFTA_TABLE_FLAGS);

	if (err || !(nft_attr_u32(v[NFTA_TABLE_FLAGS]) & NFT_TABLE_F_DORMANT))
		return err;
	err = dormant_key(nft_msg_family(nlh),
			  nft_attr_str(v[NFTA_TABLE_NAME]), key, sizeof(key));
	return err ? err : add_name(&w->dormant, key);
}

static bool is_dormant(const struct nft_world *w, const struct nft_foreign *f)
{
	char key[300];

	if (dormant_key(f->family, f->table, key, sizeof(key)))
		return false;
	for (size_t i = 0; i < w->dormant.n; i++)
		if (!strcmp(w->dormant.v[i], key))
			return true;
	return false;
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
	f.table = strdup(nft_attr_str(v[NFTA_CHAIN_TABLE]));
	f.chain = strdup(nft_attr_str(v[NFTA_CHAIN_NAME]));
	if (!f.table || !f.chain) {
		free(f.table);
		free(f.chain);
		return -ENOMEM;
	}
	if (is_dormant(w, &f))
		f.filter = false;
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

/* A verdict's nest: a drop, or a chain to follow, or one of ours. */
static int add_verdict(struct nft_foreign *f, const struct nlattr *nest,
		       char ours[IMAGE_NAME_MAX])
{
	const struct nlattr *v[NFTA_VERDICT_CHAIN + 1];
	const char *chain;
	int code, err = nft_nest_attrs(nest, v, NFTA_VERDICT_CHAIN);

	if (err)
		return err;
	code = (int)nft_attr_u32(v[NFTA_VERDICT_CODE]);
	chain = nft_attr_str(v[NFTA_VERDICT_CHAIN]);
	if (code == NF_DROP)
		f->drops = true;
	if (code != NFT_JUMP && code != NFT_GOTO)
		return 0;
	if (!nft_name_is_own(chain))
		return add_name(&f->jumps, chain);
	if (ours && strlen(chain) < IMAGE_NAME_MAX)
		memcpy(ours, chain, strlen(chain) + 1);
	return 0;
}

static int add_immediate(struct nft_foreign *f, const struct nlattr *data,
			 char ours[IMAGE_NAME_MAX])
{
	const struct nlattr *v[NFTA_IMMEDIATE_DATA + 1];
	const struct nlattr *in[NFTA_DATA_VERDICT + 1];
	int err = nft_nest_attrs(data, v, NFTA_IMMEDIATE_DATA);

	if (err || !v[NFTA_IMMEDIATE_DATA])
		return err;
	err = nft_nest_attrs(v[NFTA_IMMEDIATE_DATA], in, NFTA_DATA_VERDICT);
	if (err || !in[NFTA_DATA_VERDICT])
		return err;
	return add_verdict(f, in[NFTA_DATA_VERDICT], ours);
}

static int add_lookup(struct nft_foreign *f, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_LOOKUP_DREG + 1];
	int err = nft_nest_attrs(data, v, NFTA_LOOKUP_DREG);

	if (err || !v[NFTA_LOOKUP_DREG] ||
	    nft_attr_u32(v[NFTA_LOOKUP_DREG]) != NFT_REG_VERDICT)
		return err;
	return add_name(&f->vmaps, nft_attr_str(v[NFTA_LOOKUP_SET]));
}

/* iptables-nft's own: REJECT and the like are xt targets there */
static int add_target(struct nft_foreign *f, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_TARGET_NAME + 1];
	const char *name;
	int err = nft_nest_attrs(data, v, NFTA_TARGET_NAME);

	if (err)
		return err;
	name = nft_attr_str(v[NFTA_TARGET_NAME]);
	if (!strcmp(name, "REJECT") || !strcmp(name, "DROP"))
		f->drops = true;
	return 0;
}

static int add_expr(struct nft_foreign *f, const struct nlattr *expr,
		    char ours[IMAGE_NAME_MAX])
{
	const struct nlattr *v[NFTA_EXPR_DATA + 1];
	const char *name;
	int err = nft_nest_attrs(expr, v, NFTA_EXPR_DATA);

	if (err)
		return err;
	name = nft_attr_str(v[NFTA_EXPR_NAME]);
	if (!strcmp(name, "reject"))
		f->drops = true;
	if (!v[NFTA_EXPR_DATA])
		return 0;
	if (!strcmp(name, "immediate"))
		return add_immediate(f, v[NFTA_EXPR_DATA], ours);
	if (!strcmp(name, "lookup"))
		return add_lookup(f, v[NFTA_EXPR_DATA]);
	if (!strcmp(name, "target"))
		return add_target(f, v[NFTA_EXPR_DATA]);
	return 0;
}

int nft_world_add_rule(struct nft_foreign *f, const struct nlattr *exprs,
		       char ret[IMAGE_NAME_MAX])
{
	const struct nlattr *a;
	int err;

	ret[0] = '\0';
	if (!exprs)
		return 0;
	nft_for_each_nested(a, exprs) {
		err = add_expr(f, a, ret);
		if (err)
			return err;
	}
	return 0;
}

int nft_world_add_verdict(struct nft_foreign *f, const struct nlattr *elem)
{
	const struct nlattr *v[NFTA_SET_ELEM_DATA + 1];
	const struct nlattr *in[NFTA_DATA_VERDICT + 1];
	int err = nft_nest_attrs(elem, v, NFTA_SET_ELEM_DATA);

	if (err || !v[NFTA_SET_ELEM_DATA])
		return err;
	err = nft_nest_attrs(v[NFTA_SET_ELEM_DATA], in, NFTA_DATA_VERDICT);
	if (err || !in[NFTA_DATA_VERDICT])
		return err;
	return add_verdict(f, in[NFTA_DATA_VERDICT], NULL);
}

void nft_world_release(struct nft_world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->v[i].table);
		free(w->v[i].chain);
		release_names(&w->v[i].jumps);
		release_names(&w->v[i].vmaps);
	}
	free(w->v);
	release_names(&w->dormant);
	*w = (struct nft_world){ 0 };
}
