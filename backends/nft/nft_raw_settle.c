/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_raw_settle.c: the same rule in the same bytes. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_raw.h"
#include "core/digest.h"
#include "core/mem.h"

/* What the kernel gives, or takes, beside what the rule says. */
static const struct {
	const char *expr;
	uint16_t type;
	bool always;			/* else: where it is 0 */
} silent[] = {
	{ "lookup", NFTA_LOOKUP_FLAGS, false },
	{ "lookup", NFTA_LOOKUP_SET_ID, true },
	{ "bitwise", NFTA_BITWISE_OP, false },
	{ "exthdr", NFTA_EXTHDR_FLAGS, false },
	{ "exthdr", NFTA_EXTHDR_OP, false },
	{ "dynset", NFTA_DYNSET_SET_ID, true },
	{ "dynset", NFTA_DYNSET_TIMEOUT, false },
	{ "dynset", NFTA_DYNSET_PAD, true },
	{ "dynset", NFTA_DYNSET_FLAGS, false },
	{ "counter", NFTA_COUNTER_BYTES, true },
	{ "counter", NFTA_COUNTER_PACKETS, true },
	{ "counter", NFTA_COUNTER_PAD, true },
	{ "limit", NFTA_LIMIT_FLAGS, false },
	{ "limit", NFTA_LIMIT_PAD, true },
};

static bool is_zero(const struct nlattr *a)
{
	const uint8_t *v = mnl_attr_get_payload(a);
	size_t n = mnl_attr_get_payload_len(a);

	for (size_t i = 0; i < n; i++)
		if (v[i])
			return false;
	return true;
}

static bool is_silent(const char *expr, const struct nlattr *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		if (!strcmp(silent[i].expr, expr) &&
		    silent[i].type == mnl_attr_get_type(a))
			return silent[i].always || is_zero(a);
	return false;
}

static int by_type(const void *pa, const void *pb)
{
	const struct nlattr *a = *(const struct nlattr *const *)pa;
	const struct nlattr *b = *(const struct nlattr *const *)pb;
	uint16_t x = mnl_attr_get_type(a), y = mnl_attr_get_type(b);

	return (x > y) - (x < y);
}

typedef int plain_fn(const struct nlattr *a, void *arg, struct nft_bytes *out);

/* Attributes of the nest, sorted, each written by `put`. */
static int sort_nest(const struct nft_bytes *in, plain_fn *put, void *arg,
		     struct nft_bytes *out)
{
	_cleanup_free_ const struct nlattr **v = NULL;
	const struct nlattr *a;
	size_t n = 0, cap = 0;
	int err = 0;

	nft_for_each_bytes(a, in) {
		if (mem_grow(&v, &cap, n + 1))
			return -ENOMEM;
		v[n++] = a;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_type);
	for (size_t i = 0; !err && i < n; i++)
		err = put(v[i], arg, out);
	return err;
}

static struct nft_bytes inside(const struct nlattr *a)
{
	return (struct nft_bytes){ mnl_attr_get_payload(a),
				   mnl_attr_get_payload_len(a), 0 };
}

/* The kernel marks no nest as one: whoever writes a rule may. */
static int put_plain(const struct nlattr *a, void *arg, struct nft_bytes *out)
{
	_cleanup_(nft_bytes_release) struct nft_bytes in = { 0 };
	const struct nft_bytes all = inside(a);
	int err = 0;

	(void)arg;
	if (!(a->nla_type & NLA_F_NESTED))
		return nft_bytes_attr(out, mnl_attr_get_type(a), all.v, all.n);
	err = sort_nest(&all, put_plain, NULL, &in);
	return err ? err :
		     nft_bytes_attr(out, mnl_attr_get_type(a), in.v, in.n);
}

static int put_told(const struct nlattr *a, void *arg, struct nft_bytes *out)
{
	static const char anonymous[] = "__set%d";
	const char *expr = arg;

	if (is_silent(expr, a))
		return 0;
	if (!strcmp(expr, "lookup") &&
	    mnl_attr_get_type(a) == NFTA_LOOKUP_SET &&
	    !strncmp(nft_attr_str(a), "__", 2))
		return nft_bytes_attr(out, NFTA_LOOKUP_SET, anonymous,
				      sizeof(anonymous));
	return put_plain(a, NULL, out);
}

static int settle_expr(const struct nlattr *expr, struct nft_bytes *out)
{
	_cleanup_(nft_bytes_release) struct nft_bytes in = { 0 }, one = { 0 };
	const struct nlattr *data = NULL;
	char name[32];
	int err = 0;

	snprintf(name, sizeof(name), "%s", nft_expr_name(expr, &data));
	if (data) {
		const struct nft_bytes all = inside(data);

		err = sort_nest(&all, put_told, name, &in);
	}
	if (!err)
		err = nft_bytes_attr(&one, NFTA_EXPR_NAME, name,
				     strlen(name) + 1);
	if (!err && data)
		err = nft_bytes_attr(&one, NFTA_EXPR_DATA, in.v, in.n);
	return err ? err : nft_bytes_attr(out, NFTA_LIST_ELEM, one.v, one.n);
}

/* Of a set: what makes it, without what it is called and how large it gets. */
static int put_set_attr(const struct nlattr *a, void *arg,
			struct nft_bytes *out)
{
	static const uint16_t kept[] = {
		NFTA_SET_FLAGS, NFTA_SET_KEY_TYPE, NFTA_SET_KEY_LEN,
		NFTA_SET_DATA_TYPE, NFTA_SET_DATA_LEN, NFTA_SET_USERDATA,
	};
	_cleanup_(nft_bytes_release) struct nft_bytes in = { 0 };
	uint16_t type = mnl_attr_get_type(a);
	const struct nlattr *d;
	int err = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (kept[i] == type)
			return put_plain(a, arg, out);
	if (type != NFTA_SET_DESC)
		return 0;
	netlink_for_each_nested(d, a)
		if (!err && mnl_attr_get_type(d) == NFTA_SET_DESC_CONCAT)
			err = put_plain(d, arg, &in);
	return err || !in.n ? err : nft_bytes_attr(out, type, in.v, in.n);
}

static int put_elem_attr(const struct nlattr *a, void *arg,
			 struct nft_bytes *out)
{
	uint16_t type = mnl_attr_get_type(a);

	return type == NFTA_SET_ELEM_PAD ||
	       (type == NFTA_SET_ELEM_FLAGS && is_zero(a)) ? 0 :
		       put_plain(a, arg, out);
}

/* By key; where one interval ends and the next begins, the end first. */
static int by_key(const void *pa, const void *pb)
{
	const struct nft_bytes *a = pa, *b = pb;
	const uint8_t *x = a->v + MNL_ATTR_HDRLEN, *y = b->v + MNL_ATTR_HDRLEN;
	size_t n = (a->n < b->n ? a->n : b->n) - MNL_ATTR_HDRLEN;
	const struct nlattr *v[NFTA_SET_ELEM_FLAGS + 1];
	const struct nlattr *w[NFTA_SET_ELEM_FLAGS + 1];
	int c = 0;

	if (!nft_nest_attrs((const void *)a->v, v, NFTA_SET_ELEM_FLAGS) &&
	    !nft_nest_attrs((const void *)b->v, w, NFTA_SET_ELEM_FLAGS) &&
	    v[NFTA_SET_ELEM_KEY] && w[NFTA_SET_ELEM_KEY] &&
	    v[NFTA_SET_ELEM_KEY]->nla_len == w[NFTA_SET_ELEM_KEY]->nla_len) {
		c = memcmp(v[NFTA_SET_ELEM_KEY], w[NFTA_SET_ELEM_KEY],
			   v[NFTA_SET_ELEM_KEY]->nla_len);
		if (!c)
			c = (int)nft_attr_u32(w[NFTA_SET_ELEM_FLAGS]) -
			    (int)nft_attr_u32(v[NFTA_SET_ELEM_FLAGS]);
	}
	if (!c)
		c = memcmp(x, y, n);
	return c ? c : (a->n > b->n) - (a->n < b->n);
}

static int settle_elem(const struct nlattr *a, struct nft_bytes *ret)
{
	_cleanup_(nft_bytes_release) struct nft_bytes in = { 0 };
	const struct nft_bytes all = inside(a);
	int err = sort_nest(&all, put_elem_attr, NULL, &in);

	return err ? err : nft_bytes_attr(ret, NFTA_LIST_ELEM, in.v, in.n);
}

static int settle_elems(struct nft_bytes *elems)
{
	_cleanup_(nft_bytes_release) struct nft_bytes out = { 0 };
	_cleanup_free_ struct nft_bytes *v = NULL;
	const struct nlattr *a;
	size_t n = 0, cap = 0;
	int err = 0;

	nft_for_each_bytes(a, elems) {
		err = mem_grow(&v, &cap, n + 1);
		if (err)
			break;
		v[n] = (struct nft_bytes){ 0 };
		err = settle_elem(a, &v[n++]);
		if (err)
			break;
	}
	if (!err && n)
		qsort(v, n, sizeof(*v), by_key);
	for (size_t i = 0; i < n; i++) {
		if (!err)
			err = nft_bytes_add(&out, v[i].v, v[i].n);
		nft_bytes_release(&v[i]);
	}
	if (err)
		return err;
	nft_bytes_release(elems);
	*elems = out;
	out = (struct nft_bytes){ 0 };
	return 0;
}

int nft_raw_settle_set(struct nft_raw_set *s)
{
	_cleanup_(nft_bytes_release) struct nft_bytes out = { 0 };
	int err = sort_nest(&s->set, put_set_attr, NULL, &out);

	if (err)
		return err;
	nft_bytes_release(&s->set);
	s->set = out;
	out = (struct nft_bytes){ 0 };
	return settle_elems(&s->elems);
}

int nft_raw_settle(struct nft_raw *r)
{
	_cleanup_(nft_bytes_release) struct nft_bytes out = { 0 };
	const struct nlattr *a;
	int err = 0;

	nft_for_each_bytes(a, &r->exprs) {
		err = settle_expr(a, &out);
		if (err)
			return err;
	}
	nft_bytes_release(&r->exprs);
	r->exprs = out;
	out = (struct nft_bytes){ 0 };
	for (size_t i = 0; !err && i < r->n_sets; i++)
		err = nft_raw_settle_set(&r->sets[i]);
	return err;
}

#define TYPE_BITS 6		/* of nft's type of a field, in that of a key */

/* Addresses, protocols, ports and kinds of ICMP, in nft's numbers; no map. */
static bool is_plain(const struct nlattr *const *v)
{
	static const uint32_t plain[] = { 7, 8, 12, 13, 14, 29 };
	uint32_t type = nft_attr_u32(v[NFTA_SET_KEY_TYPE]);
	bool is = v[NFTA_SET_USERDATA] && type &&
		  !(nft_attr_u32(v[NFTA_SET_FLAGS]) & NFT_SET_MAP);

	for (; is && type; type >>= TYPE_BITS) {
		size_t i = 0;

		while (i < ARRAY_SIZE(plain) &&
		       plain[i] != (type & ((1 << TYPE_BITS) - 1)))
			i++;
		is = i < ARRAY_SIZE(plain);
	}
	return is;
}

/* Numbers of one byte have but one order: the network's then. */
static int put_order(const struct nlattr *user, bool one_byte,
		     struct nft_bytes *out)
{
	const uint8_t *u = mnl_attr_get_payload(user);
	size_t n = mnl_attr_get_payload_len(user), at = 0;
	uint32_t order = 2;
	uint8_t one[2 + sizeof(order)] = { NFT_UDATA_SET_KEYBYTEORDER,
					   sizeof(order) };

	while (at + 2 <= n && u[at] != NFT_UDATA_SET_KEYBYTEORDER)
		at += 2u + u[at + 1];
	if (at + sizeof(one) > n || u[at + 1] != sizeof(order))
		return 0;
	if (one_byte)
		memcpy(one + 2, &order, sizeof(order));
	return nft_bytes_attr(out, NFTA_SET_USERDATA,
			      one_byte ? one : u + at, sizeof(one));
}

static int shorten_set(struct nft_bytes *set)
{
	const struct nlattr *v[NFTA_SET_USERDATA + 1] = { 0 };
	_cleanup_(nft_bytes_release) struct nft_bytes out = { 0 };
	const struct nlattr *a;
	bool one_byte;
	int err = 0;

	nft_for_each_bytes(a, set)
		if (mnl_attr_get_type(a) <= NFTA_SET_USERDATA)
			v[mnl_attr_get_type(a)] = a;
	if (!is_plain(v))
		return 0;
	one_byte = nft_attr_u32(v[NFTA_SET_KEY_LEN]) == 1;
	nft_for_each_bytes(a, set) {
		if (err)
			break;
		err = a == v[NFTA_SET_USERDATA] ? put_order(a, one_byte, &out) :
		      nft_bytes_add(&out, a, MNL_ALIGN(a->nla_len));
	}
	if (err)
		return err;
	nft_bytes_release(set);
	*set = out;
	out = (struct nft_bytes){ 0 };
	return 0;
}

int nft_raw_settle_own(struct nft_raw *r)
{
	int err = nft_raw_settle(r);

	for (size_t i = 0; !err && i < r->n_sets; i++)
		err = shorten_set(&r->sets[i].set);
	return err;
}

int nft_raw_digest(const struct nft_raw *r, uint64_t *ret)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(nft_raw_release) struct nft_raw settled = { 0 };
	int err = nft_bytes_add(&settled.exprs, r->exprs.v, r->exprs.n);

	if (!err)
		err = nft_bytes_add(&settled.user, r->user.v, r->user.n);
	for (size_t i = 0; !err && i < r->n_sets; i++)
		err = nft_raw_add_set(&settled, &r->sets[i]);
	if (!err)
		err = nft_raw_settle(&settled);
	if (err)
		return err;
	nft_raw_print(&settled, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	*ret = digest_add(DIGEST_START, b.s, b.n);
	return 0;
}
