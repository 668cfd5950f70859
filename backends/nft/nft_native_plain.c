/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_plain.c: rules that only lead elsewhere. */
#include <errno.h>
#include <string.h>

#include "backends/nft/nft_native.h"
#include "core/mem.h"

/* Names of chains in attributes, of which some become others. */
struct leading {
	const struct nft_native_job *j;
	bool any;
};

static const char *copy_of(const struct leading *x, const char *chain)
{
	const struct foreign *f = x->j->f;
	uint32_t table = f->chains[f->rules[x->j->rule].chain].table;
	uint32_t to = foreign_find_chain(f, table, chain);

	return to == FOREIGN_NOWHERE ? NULL :
	       stateless_copy_name(x->j->s, to, x->j->hook);
}

/* Where names of chains are, from a list inwards. */
enum nest {
	NEST_EXPRS,
	NEST_ELEMS,
	NEST_EXPR,
	NEST_IMMEDIATE,
	NEST_ELEM,
	NEST_DATA,
	NEST_VERDICT,
};

static const struct {
	enum nest in;
	uint16_t type;
	enum nest to;
} nests[] = {
	{ NEST_EXPRS, NFTA_LIST_ELEM, NEST_EXPR },
	{ NEST_ELEMS, NFTA_LIST_ELEM, NEST_ELEM },
	{ NEST_EXPR, NFTA_EXPR_DATA, NEST_IMMEDIATE },
	{ NEST_IMMEDIATE, NFTA_IMMEDIATE_DATA, NEST_DATA },
	{ NEST_ELEM, NFTA_SET_ELEM_DATA, NEST_DATA },
	{ NEST_DATA, NFTA_DATA_VERDICT, NEST_VERDICT },
};

static bool is_nest(enum nest in, uint16_t type, enum nest *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(nests); i++)
		if (nests[i].in == in && nests[i].type == type) {
			*ret = nests[i].to;
			return true;
		}
	return false;
}

/* The attribute, with names in it replaced; nests are a few deep. */
static int put_led(struct leading *x, const struct nlattr *a, enum nest in,
		   struct nft_bytes *out)
{
	const struct nft_bytes all = { mnl_attr_get_payload(a),
				       mnl_attr_get_payload_len(a), 0 };
	_cleanup_(nft_bytes_release) struct nft_bytes led = { 0 };
	uint16_t type = mnl_attr_get_type(a);
	const char *copy = NULL;
	const struct nlattr *inner;
	enum nest to = in;
	int err = 0;

	if (in == NEST_VERDICT && type == NFTA_VERDICT_CHAIN)
		copy = copy_of(x, nft_attr_str(a));
	x->any |= copy != NULL;
	if (copy)
		return nft_bytes_attr(out, type, copy, strlen(copy) + 1);
	if (!is_nest(in, type, &to))
		return nft_bytes_add(out, a, MNL_ALIGN(a->nla_len));
	nft_for_each_bytes(inner, &all) {
		err = put_led(x, inner, to, &led);
		if (err)
			return err;
	}
	return nft_bytes_attr(out, a->nla_type, led.v, led.n);
}

/* Attributes of other expressions have these numbers, too. */
static bool may_lead(const struct nlattr *a, enum nest in)
{
	const struct nlattr *data;
	const char *name = in == NEST_EXPRS ? nft_expr_name(a, &data) : NULL;

	return in == NEST_ELEMS || (name && !strcmp(name, "immediate"));
}

static int lead(struct leading *x, enum nest in, struct nft_bytes *b)
{
	_cleanup_(nft_bytes_release) struct nft_bytes out = { 0 };
	const struct nlattr *a;
	int err = 0;

	nft_for_each_bytes(a, b) {
		err = may_lead(a, in) ? put_led(x, a, in, &out) :
			nft_bytes_add(&out, a, MNL_ALIGN(a->nla_len));
		if (err)
			return err;
	}
	nft_bytes_release(b);
	*b = out;
	out = (struct nft_bytes){ 0 };
	return 0;
}

int nft_native_lead(const struct nft_native_job *j, struct nft_raw *r,
		    bool *ret)
{
	struct leading x = { .j = j };
	int err = j->s->n_copies ? lead(&x, NEST_EXPRS, &r->exprs) : 0;

	for (size_t i = 0; !err && j->s->n_copies && i < r->n_sets; i++)
		err = lead(&x, NEST_ELEMS, &r->sets[i].elems);
	*ret = x.any;
	return err;
}

/*
 * What the kernel tells of a quota that is used up, it does not take, and what
 * was used differs from one look to the next.
 */
static bool has_quota(const struct nft_raw *r)
{
	const struct nlattr *a, *data;

	nft_for_each_bytes(a, &r->exprs) {
		const char *name = nft_expr_name(a, &data);

		if (name && !strcmp(name, "quota"))
			return true;
	}
	return false;
}

int nft_native_plain(const struct nft_native_job *j, struct nft_raw *ret,
		     bool *ret_led)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	const char *original = j->f->rules[j->rule].original;
	int err = original ? nft_raw_parse(original, &r) : -EOPNOTSUPP;

	if (!err && has_quota(&r))
		err = -EOPNOTSUPP;
	if (!err)
		err = nft_native_lead(j, &r, ret_led);
	if (!err)
		err = nft_raw_settle_own(&r);
	if (err)
		return err;
	*ret = r;
	r = (struct nft_raw){ 0 };
	return 0;
}

int nft_native_mark(struct nft_raw *r)
{
	static const char comment[] = NFT_JUMP_COMMENT;
	uint8_t u[2 + sizeof(comment)] = { NFT_UDATA_COMMENT, sizeof(comment) };

	memcpy(u + 2, comment, sizeof(comment));
	nft_bytes_release(&r->user);
	return nft_bytes_add(&r->user, u, sizeof(u));
}
