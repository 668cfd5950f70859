/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_original.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"

/* linux/netfilter/nf_tables_compat.h may not be in older headers */
#define COMPAT_PROTO 1		/* NFTA_RULE_COMPAT_PROTO */
#define COMPAT_FLAGS 2		/* NFTA_RULE_COMPAT_FLAGS */
#define COMPAT_F_INV 2		/* NFT_RULE_COMPAT_F_INV */

int nft_original_write(const struct nlmsghdr *nlh,
		       const struct nft_anonymous *sets,
		       const struct nft_named *named, const char **ret)
{
	const struct nlattr *v[NFTA_RULE_TABLE + 1];
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = nft_raw_of(nlh, sets, &r);

	*ret = NULL;
	if (err || !r.exprs.n || r.exprs.n + r.user.n > NFT_RAW_MAX)
		return err == -ENOENT ? 0 : err;
	err = nft_msg_attrs(nlh, v, NFTA_RULE_TABLE);
	if (err)
		return err;
	nft_raw_print(&r, &b);
	nft_named_print(named, nft_msg_family(nlh),
			nft_attr_str(v[NFTA_RULE_TABLE]), &r, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	*ret = intern(strbuf_str(&b));
	return *ret ? 0 : -ENOMEM;
}

/* The protocol that the rule is for, as iptables-nft compares it. */
struct compat {
	bool loaded;
	uint8_t proto;
	bool inverted;
};

static void take_meta(struct compat *c, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_META_KEY + 1];

	c->loaded = !nft_nest_attrs(data, v, NFTA_META_KEY) &&
		    nft_attr_u32(v[NFTA_META_KEY]) == NFT_META_L4PROTO;
}

static void take_cmp(struct compat *c, const struct nlattr *data)
{
	const struct nlattr *v[NFTA_CMP_DATA + 1], *in[NFTA_DATA_VALUE + 1];

	if (!c->loaded || nft_nest_attrs(data, v, NFTA_CMP_DATA) ||
	    !v[NFTA_CMP_DATA] ||
	    nft_nest_attrs(v[NFTA_CMP_DATA], in, NFTA_DATA_VALUE) ||
	    !in[NFTA_DATA_VALUE] ||
	    mnl_attr_get_payload_len(in[NFTA_DATA_VALUE]) != 1)
		return;
	c->proto = *(const uint8_t *)mnl_attr_get_payload(in[NFTA_DATA_VALUE]);
	c->inverted = nft_attr_u32(v[NFTA_CMP_OP]) == NFT_CMP_NEQ;
	c->loaded = false;
}

void nft_original_put_compat(struct nlmsghdr *nlh,
			     const struct nft_bytes *exprs)
{
	struct compat c = { 0 };
	const struct nlattr *a, *data;
	struct nlattr *nest;

	nft_for_each_bytes(a, exprs) {
		const char *name = nft_expr_name(a, &data);

		if (!name || !data)
			continue;
		if (!strcmp(name, "meta"))
			take_meta(&c, data);
		else if (!strcmp(name, "cmp"))
			take_cmp(&c, data);
	}
	if (!c.proto)
		return;
	nest = mnl_attr_nest_start(nlh, NFTA_RULE_COMPAT);
	mnl_attr_put_u32(nlh, COMPAT_PROTO, htonl(c.proto));
	mnl_attr_put_u32(nlh, COMPAT_FLAGS,
			 htonl(c.inverted ? COMPAT_F_INV : 0));
	mnl_attr_nest_end(nlh, nest);
}

int nft_original_put(struct nlmsghdr *nlh, const struct nft_raw *r,
		     const char *prefix, uint32_t id)
{
	_cleanup_(nft_bytes_release) struct nft_bytes exprs = { 0 };
	int err = nft_raw_named(r, prefix, id, &exprs);

	if (err)
		return err;
	mnl_attr_put(nlh, NLA_F_NESTED | NFTA_RULE_EXPRESSIONS, exprs.n,
		     exprs.v);
	nft_original_put_compat(nlh, &r->exprs);
	if (r->user.n)
		mnl_attr_put(nlh, NFTA_RULE_USERDATA, r->user.n, r->user.v);
	return 0;
}

int nft_original_send(const struct nft_raw *r, const struct step *s,
		      uint64_t before, size_t first, struct nft_batch *b)
{
	uint32_t id = nft_raw_id(b);
	struct nlmsghdr *nlh;
	int err = nft_anonymous_write(r, s->table->family, s->table->name, id,
				      first, b);

	if (err)
		return err;
	nlh = nft_batch_put(b, NFT_MSG_NEWRULE,
			    before ? NLM_F_CREATE :
				     NLM_F_CREATE | NLM_F_APPEND,
			    s->table->family, NFT_RAW_MSG);
	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, s->table->name);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, s->chain->name);
	if (before)
		mnl_attr_put_u64(nlh, NFTA_RULE_POSITION, htobe64(before));
	err = nft_original_put(nlh, r, NULL, id);
	return err ? err : nft_batch_add(b, nlh, first);
}

int nft_original_digest(const char *text, uint64_t *ret)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = nft_raw_parse(text, &r);

	return err ? err : nft_raw_digest(&r, ret);
}

int nft_original_digest_of(const struct nlmsghdr *nlh,
			   const struct nft_anonymous *sets, uint64_t *ret)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = nft_raw_of(nlh, sets, &r);

	return err && err != -ENOENT ? err : nft_raw_digest(&r, ret);
}

/* Of a nest of NFTA_DATA_*: the chain of its verdict. */
static const char *chain_in(const struct nlattr *nest)
{
	const struct nlattr *in[NFTA_DATA_VERDICT + 1];
	const struct nlattr *to[NFTA_VERDICT_CHAIN + 1];

	if (!nest || nft_nest_attrs(nest, in, NFTA_DATA_VERDICT) ||
	    !in[NFTA_DATA_VERDICT] ||
	    nft_nest_attrs(in[NFTA_DATA_VERDICT], to, NFTA_VERDICT_CHAIN) ||
	    !to[NFTA_VERDICT_CHAIN])
		return NULL;
	return nft_attr_str(to[NFTA_VERDICT_CHAIN]);
}

/* Of an expression, if it is a verdict. */
static const char *chain_of(const struct nlattr *expr)
{
	const struct nlattr *v[NFTA_IMMEDIATE_DATA + 1], *data = NULL;
	const char *name = nft_expr_name(expr, &data);

	return name && data && !strcmp(name, "immediate") &&
			       !nft_nest_attrs(data, v, NFTA_IMMEDIATE_DATA) ?
		       chain_in(v[NFTA_IMMEDIATE_DATA]) : NULL;
}

const char *nft_original_target(const struct nlattr *exprs)
{
	const struct nlattr *a;
	const char *chain = NULL;

	if (!exprs)
		return NULL;
	netlink_for_each_nested(a, exprs)
		chain = chain_of(a) ? chain_of(a) : chain;
	return chain;
}

const char *nft_raw_target(const struct nft_raw *r)
{
	const char *chain = NULL;
	const struct nlattr *a;

	nft_for_each_bytes(a, &r->exprs)
		chain = chain_of(a) ? chain_of(a) : chain;
	return chain ? intern(chain) : NULL;
}

struct lacking {
	nft_chain_fn *is_there;
	void *arg;
	const char *found;
};

static void look(struct lacking *l, const char *chain)
{
	if (chain && !l->found && !l->is_there(l->arg, chain))
		l->found = chain;
}

static void look_in_set(struct lacking *l, const struct nft_raw_set *s)
{
	const struct nlattr *v[NFTA_SET_ELEM_DATA + 1];
	const struct nlattr *a;

	nft_for_each_bytes(a, &s->elems)
		if (!nft_nest_attrs(a, v, NFTA_SET_ELEM_DATA))
			look(l, chain_in(v[NFTA_SET_ELEM_DATA]));
}

int nft_original_lacks(const char *text, nft_chain_fn *is_there, void *arg,
		       const char **ret)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	struct lacking l = { .is_there = is_there, .arg = arg };
	const struct nlattr *a;
	int err = nft_raw_parse(text, &r);

	*ret = NULL;
	if (err)
		return err;
	nft_for_each_bytes(a, &r.exprs)
		look(&l, chain_of(a));
	for (size_t i = 0; i < r.n_sets; i++)
		look_in_set(&l, &r.sets[i]);
	*ret = l.found ? intern(l.found) : NULL;
	return l.found && !*ret ? -ENOMEM : 0;
}
