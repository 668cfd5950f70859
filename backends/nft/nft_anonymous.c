/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_anonymous.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/intern.h"
#include "core/mem.h"

void nft_anonymous_release(struct nft_anonymous *s)
{
	for (size_t i = 0; i < s->n; i++)
		nft_raw_set_release(&s->v[i].raw);
	free(s->v);
	*s = (struct nft_anonymous){ 0 };
}

struct taking {
	struct nft_anonymous *to;
	nft_table_fn *wanted;
	void *arg;
};

static int take_set(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_SET_FLAGS + 1];
	const struct taking *t = arg;
	struct nft_anonymous_set s = { .family = nft_msg_family(nlh) };
	int err = nft_msg_attrs(nlh, v, NFTA_SET_FLAGS);

	if (err || !nft_family_matters(s.family) ||
	    !(nft_attr_u32(v[NFTA_SET_FLAGS]) & NFT_SET_ANONYMOUS) ||
	    !t->wanted(t->arg, s.family, nft_attr_str(v[NFTA_SET_TABLE])))
		return err;
	s.table = intern(nft_attr_str(v[NFTA_SET_TABLE]));
	s.name = intern(nft_attr_str(v[NFTA_SET_NAME]));
	if (!s.table || !s.name ||
	    mem_grow(&t->to->v, &t->to->cap, t->to->n + 1))
		return -ENOMEM;
	err = nft_bytes_add(&s.raw.set,
			    mnl_nlmsg_get_payload_offset(nlh,
						sizeof(struct nfgenmsg)),
			    mnl_nlmsg_get_payload_len(nlh) -
				    MNL_ALIGN(sizeof(struct nfgenmsg)));
	t->to->v[t->to->n++] = s;
	return err;
}

static int take_elems(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *v[NFTA_SET_ELEM_LIST_ELEMENTS + 1];
	struct nft_bytes *to = arg;
	const struct nlattr *list;
	int err = nft_msg_attrs(nlh, v, NFTA_SET_ELEM_LIST_ELEMENTS);

	list = err ? NULL : v[NFTA_SET_ELEM_LIST_ELEMENTS];
	return !list ? err :
		       nft_bytes_add(to, mnl_attr_get_payload(list),
				     mnl_attr_get_payload_len(list));
}

static int read_one(struct backend_ctx *ctx, struct nft_anonymous_set *s)
{
	struct nft_dump_of what = {
		.type = NFT_MSG_GETSETELEM, .family = s->family,
		.table = s->table, .set = s->name,
	};
	int err = nft_dump(ctx, &what, take_elems, &s->raw.elems);

	return err ? err : nft_raw_settle_set(&s->raw);
}

int nft_anonymous_read(struct backend_ctx *ctx, nft_table_fn *wanted,
		       void *arg, struct nft_anonymous *ret)
{
	struct nft_dump_of what = {
		.type = NFT_MSG_GETSET, .family = NFPROTO_UNSPEC,
	};
	struct taking t = { ret, wanted, arg };
	int err = nft_dump(ctx, &what, take_set, &t);

	for (size_t i = 0; !err && i < ret->n; i++)
		err = read_one(ctx, &ret->v[i]);
	return err;
}

static const struct nft_raw_set *find(const struct nft_anonymous *s,
				      uint8_t family, const char *table,
				      const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].family == family &&
		    !strcmp(s->v[i].name, name) &&
		    !strcmp(s->v[i].table, table))
			return s->v[i].raw.elems.n > NFT_RAW_ELEMS_MAX ?
				       NULL : &s->v[i].raw;
	return NULL;
}

static int add_sets(const struct nft_anonymous *sets, uint8_t family,
		    const char *table, struct nft_raw *r)
{
	const struct nlattr *a;

	nft_for_each_bytes(a, &r->exprs) {
		const char *name = nft_expr_anonymous(a);
		const struct nft_raw_set *s;
		int err;

		if (!name)
			continue;
		s = find(sets, family, table, name);
		err = s ? nft_raw_add_set(r, s) : -ENOENT;
		if (err)
			return err;
	}
	return 0;
}

static int add_payload(const struct nlattr *a, struct nft_bytes *to)
{
	return a ? nft_bytes_add(to, mnl_attr_get_payload(a),
				 mnl_attr_get_payload_len(a)) : 0;
}

int nft_raw_of(const struct nlmsghdr *nlh, const struct nft_anonymous *sets,
	       struct nft_raw *ret)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	const struct nlattr *v[NFTA_RULE_USERDATA + 1];
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_USERDATA);

	if (!err)
		err = add_payload(v[NFTA_RULE_EXPRESSIONS], &r.exprs);
	if (!err)
		err = add_payload(v[NFTA_RULE_USERDATA], &r.user);
	if (!err)
		err = add_sets(sets, nft_msg_family(nlh),
			       nft_attr_str(v[NFTA_RULE_TABLE]), &r);
	if (err && err != -ENOENT)
		return err;
	*ret = r;
	r = (struct nft_raw){ 0 };
	return err;
}

/* Those of steps are numbered from 1. */
#define ANONYMOUS_ID UINT32_C(0x40000000)

uint32_t nft_raw_id(const struct nft_batch *b)
{
	return ANONYMOUS_ID + (uint32_t)b->n_sent;
}

static void put_bytes(struct nlmsghdr *nlh, const void *v, size_t n)
{
	memcpy(mnl_nlmsg_get_payload_tail(nlh), v, n);
	nlh->nlmsg_len += (uint32_t)n;
}

static int write_set(const struct nft_raw_set *s, uint8_t family,
		     const char *table, uint32_t id, size_t first,
		     struct nft_batch *b)
{
	struct nlmsghdr *nlh = nft_batch_put(b, NFT_MSG_NEWSET, NLM_F_CREATE,
					     family, s->set.n + 1024);

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, "__set%d");
	mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(id));
	put_bytes(nlh, s->set.v, s->set.n);
	return nft_batch_add(b, nlh, first);
}

/* Elements from *at on, as many as a message holds. */
static int write_elems(const struct nft_raw_set *s, uint8_t family,
		       const char *table, uint32_t id, size_t first,
		       size_t *at, struct nft_batch *b)
{
	struct nlmsghdr *nlh = nft_batch_put(b, NFT_MSG_NEWSETELEM,
					     NLM_F_CREATE, family,
					     NFT_RAW_ELEMS_MSG + 4096);
	const struct nlattr *a;
	struct nlattr *list;
	size_t n = *at;

	if (!nlh)
		return -ENOMEM;
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, "__set%d");
	mnl_attr_put_u32(nlh, NFTA_SET_ELEM_LIST_SET_ID, htonl(id));
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	while (n < s->elems.n) {
		a = (const void *)(s->elems.v + n);
		if (n > *at && n - *at + a->nla_len > NFT_RAW_ELEMS_MSG)
			break;
		n += MNL_ALIGN(a->nla_len);
	}
	put_bytes(nlh, s->elems.v + *at, n - *at);
	mnl_attr_nest_end(nlh, list);
	*at = n;
	return nft_batch_add(b, nlh, first);
}

int nft_anonymous_write(const struct nft_raw *r, uint8_t family,
			const char *table, uint32_t id, size_t first,
			struct nft_batch *b)
{
	int err = 0;

	for (size_t i = 0; !err && i < r->n_sets; i++, id++) {
		size_t at = 0;

		err = write_set(&r->sets[i], family, table, id, first, b);
		while (!err && at < r->sets[i].elems.n)
			err = write_elems(&r->sets[i], family, table, id,
					  first, &at, b);
	}
	return err;
}
