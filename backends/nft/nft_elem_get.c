/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_elem_get.c: dumped elements, one message at a time.
 *
 * Each attribute goes straight into the packed elements of the set, so that
 * memory is that of the elements and of one message.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "backends/nft/nft_netlink.h"
#include "core/mem.h"

/* Read at `a` the key of e into `out`; -EINVAL: not as long as it must be. */
static int read_key(const struct nlattr *a, const struct elems *e, uint8_t *out)
{
	const struct nlattr *v[NFTA_DATA_MAX + 1];
	const uint8_t *p;
	size_t len, at = 0;
	int err = nft_nest_attrs(a, v, NFTA_DATA_MAX);

	if (err || !v[NFTA_DATA_VALUE])
		return -EINVAL;
	p = mnl_attr_get_payload(v[NFTA_DATA_VALUE]);
	len = mnl_attr_get_payload_len(v[NFTA_DATA_VALUE]);
	for (unsigned int i = 0; i < e->n_fields; i++) {
		size_t w = field_width(e->field[i]);
		uint32_t n;

		if (at + w > len)
			return -EINVAL;
		memcpy(out, p + at, w);
		if (e->field[i] == FIELD_ADDRTYPE) {
			memcpy(&n, out, sizeof(n));
			n = htonl(n);
			memcpy(out, &n, sizeof(n));
		}
		out += w;
		at += e->n_fields > 1 ? (w + 3) & ~(size_t)3 : w;
	}
	return at == len ? 0 : -EINVAL;
}

/* Most elements in a row are one service's: compare before hashing. */
static int read_origin(struct nft_elem_reader *r, const struct nlattr *u,
		       const struct origin **ret)
{
	char buf[COMMENT_MAX + 1];
	const char *c = u ? nft_udata_comment(mnl_attr_get_payload(u),
					      mnl_attr_get_payload_len(u), buf,
					      sizeof(buf)) : NULL;

	*ret = NULL;
	if (!c)
		return 0;
	if (!r->origin || strcmp(r->comment, c)) {
		r->origin = image_origin(r->img, c);
		memcpy(r->comment, buf, sizeof(buf));
	}
	*ret = r->origin;
	return r->origin ? 0 : -ENOMEM;
}

static int keep_edge(struct nft_elem_reader *r, const uint8_t *key, bool end,
		     const struct origin *o)
{
	struct nft_boundary *b;
	int err = mem_grow(&r->edge, &r->cap_edges, r->n_edges + 1);

	if (err)
		return err;
	b = &r->edge[r->n_edges++];
	*b = (struct nft_boundary){ .end = end, .origin = o };
	memcpy(b->key, key, r->set->elems.width);
	return 0;
}

/* A catch-all, one with a timeout, one with an expression. */
static bool is_strange(const struct nlattr *const *v)
{
	return !v[NFTA_SET_ELEM_KEY] || v[NFTA_SET_ELEM_TIMEOUT] ||
	       v[NFTA_SET_ELEM_EXPIRATION] || v[NFTA_SET_ELEM_EXPR] ||
	       v[NFTA_SET_ELEM_EXPRESSIONS] || v[NFTA_SET_ELEM_OBJREF];
}

static int read_elem(const struct nlattr *nest, void *arg)
{
	struct nft_elem_reader *r = arg;
	const struct nlattr *v[NFTA_SET_ELEM_EXPRESSIONS + 1];
	struct elems *e = &r->set->elems;
	const struct origin *o;
	uint8_t first[64], last[64];
	int err = nft_nest_attrs(nest, v, NFTA_SET_ELEM_EXPRESSIONS);

	if (err)
		return -EINVAL;
	if (is_strange(v)) {
		r->strange = true;
		return 0;
	}
	err = read_key(v[NFTA_SET_ELEM_KEY], e, first);
	if (!err)
		err = read_origin(r, v[NFTA_SET_ELEM_USERDATA], &o);
	if (err)
		return err;
	if (r->set->interval && e->n_fields == 1)
		return keep_edge(r, first,
				 nft_attr_u32(v[NFTA_SET_ELEM_FLAGS]) &
					 NFT_SET_ELEM_INTERVAL_END, o);
	if (!v[NFTA_SET_ELEM_KEY_END])
		return elems_add(e, first, first, o);
	err = read_key(v[NFTA_SET_ELEM_KEY_END], e, last);
	return err ? err : elems_add(e, first, last, o);
}

int nft_elems_each(const struct nlmsghdr *nlh, nft_elem_fn *take, void *arg)
{
	const struct nlattr *v[NFTA_SET_ELEM_LIST_MAX + 1];
	const struct nlattr *a;
	int err = nft_msg_attrs(nlh, v, NFTA_SET_ELEM_LIST_MAX);

	if (err || !v[NFTA_SET_ELEM_LIST_ELEMENTS])
		return err;
	netlink_for_each_nested(a, v[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		err = take(a, arg);
		if (err)
			return err;
	}
	return 0;
}

int nft_elems_read(struct nft_elem_reader *r, const struct nlmsghdr *nlh)
{
	return nft_elems_each(nlh, read_elem, r);
}

static int cmp_edge(const void *a, const void *b)
{
	const struct nft_boundary *x = a, *y = b;
	int c = memcmp(x->key, y->key, sizeof(x->key));

	return c ? c : (int)y->end - (int)x->end;
}

/* The kernel dumps in order, rising or falling: sorting is the exception. */
static void sort_boundaries(struct nft_boundary *v, size_t n)
{
	bool rising = true, falling = true;

	for (size_t i = 1; i < n && (rising || falling); i++) {
		int c = cmp_edge(&v[i - 1], &v[i]);

		rising &= c <= 0;
		falling &= c >= 0;
	}
	if (falling && !rising)
		for (size_t i = 0; i < n / 2; i++) {
			struct nft_boundary t = v[i];

			v[i] = v[n - 1 - i];
			v[n - 1 - i] = t;
		}
	else if (!rising)
		qsort(v, n, sizeof(*v), cmp_edge);
}

static int give_range(const struct nft_boundary *start,
		      const struct nft_boundary *next, size_t bytes,
		      nft_range_fn *give, void *arg)
{
	uint8_t last[sizeof(start->key)];

	if (next)
		key_previous(next->key, bytes, last);
	else
		memset(last, 0xff, sizeof(last));
	return give(start, last, arg);
}

int nft_boundaries_each(struct nft_boundary *v, size_t n, size_t bytes,
			nft_range_fn *give, void *arg)
{
	const struct nft_boundary *open = NULL;
	int err = 0;

	sort_boundaries(v, n);
	for (size_t i = 0; !err && i < n; i++) {
		if (open)
			err = give_range(open, &v[i], bytes, give, arg);
		open = v[i].end ? NULL : &v[i];
	}
	return !err && open ? give_range(open, NULL, bytes, give, arg) : err;
}

static int add_range(const struct nft_boundary *start, const uint8_t *last,
		     void *arg)
{
	return elems_add(arg, start->key, last, start->origin);
}

int nft_elems_finish(struct nft_elem_reader *r)
{
	struct elems *e = &r->set->elems;
	int err = nft_boundaries_each(r->edge, r->n_edges, e->width,
				      add_range, e);

	if (r->strange)
		image_set_mark_unknown(r->set);
	nft_elem_reader_release(r);
	return err;
}

void nft_elem_reader_release(struct nft_elem_reader *r)
{
	free(r->edge);
	r->edge = NULL;
	r->n_edges = r->cap_edges = 0;
}
