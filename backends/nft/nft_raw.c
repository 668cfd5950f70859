/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_raw.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"

void nft_bytes_release(struct nft_bytes *b)
{
	free(b->v);
	*b = (struct nft_bytes){ 0 };
}

void nft_raw_set_release(struct nft_raw_set *s)
{
	nft_bytes_release(&s->set);
	nft_bytes_release(&s->elems);
}

void nft_raw_release(struct nft_raw *r)
{
	for (size_t i = 0; i < r->n_sets; i++)
		nft_raw_set_release(&r->sets[i]);
	free(r->sets);
	nft_bytes_release(&r->exprs);
	nft_bytes_release(&r->user);
	*r = (struct nft_raw){ 0 };
}

int nft_bytes_add(struct nft_bytes *b, const void *v, size_t n)
{
	if (mem_grow(&b->v, &b->cap, b->n + n))
		return -ENOMEM;
	if (n)
		memcpy(b->v + b->n, v, n);
	b->n += n;
	return 0;
}

int nft_bytes_attr(struct nft_bytes *b, uint16_t type, const void *v, size_t n)
{
	static const uint8_t fill[MNL_ALIGNTO];
	const struct nlattr head = { (uint16_t)(MNL_ATTR_HDRLEN + n), type };
	int err = n > UINT16_MAX - MNL_ATTR_HDRLEN ? -EBADMSG :
		  nft_bytes_add(b, &head, sizeof(head));

	if (!err)
		err = nft_bytes_add(b, v, n);
	return err ? err : nft_bytes_add(b, fill, MNL_ALIGN(n) - n);
}

const char *nft_expr_name(const struct nlattr *expr,
			  const struct nlattr **ret_data)
{
	const struct nlattr *v[NFTA_EXPR_DATA + 1];

	if (nft_nest_attrs(expr, v, NFTA_EXPR_DATA) || !v[NFTA_EXPR_NAME])
		return NULL;
	*ret_data = v[NFTA_EXPR_DATA];
	return nft_attr_str(v[NFTA_EXPR_NAME]);
}

const char *nft_expr_anonymous(const struct nlattr *expr)
{
	const struct nlattr *v[NFTA_LOOKUP_SET + 1], *data = NULL;
	const char *name = nft_expr_name(expr, &data);

	if (!name || !data || strcmp(name, "lookup") != 0 ||
	    nft_nest_attrs(data, v, NFTA_LOOKUP_SET))
		return NULL;
	name = nft_attr_str(v[NFTA_LOOKUP_SET]);
	return strncmp(name, "__", 2) ? NULL : name;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One word, and the blank behind it. */
static int read_word(const char **at, struct nft_bytes *ret)
{
	size_t len = strcspn(*at, " ");
	const char *s = *at;

	*at += len + (s[len] == ' ');
	if (!len || (len == 1 && *s == '-'))
		return len ? 0 : -EBADMSG;
	if (len % 2)
		return -EBADMSG;
	if (mem_grow(&ret->v, &ret->cap, len / 2))
		return -ENOMEM;
	for (size_t i = 0; i < len / 2; i++) {
		int high = digit(s[2 * i]), low = digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		ret->v[i] = (uint8_t)(high << 4 | low);
	}
	ret->n = len / 2;
	return 0;
}

static bool is_whole(const struct nft_bytes *b)
{
	const struct nlattr *a = NULL;

	nft_for_each_bytes(a, b)
		;
	return !b->n || (const uint8_t *)a == b->v + b->n;
}

/* Whole expressions, each with a name; as many sets as they look into. */
static bool is_rule(const struct nft_raw *r)
{
	const struct nlattr *a, *data;
	size_t n = 0;

	if (!r->exprs.n || r->exprs.n + r->user.n > NFT_RAW_MAX ||
	    !is_whole(&r->exprs))
		return false;
	nft_for_each_bytes(a, &r->exprs) {
		const char *name = nft_expr_name(a, &data);

		if (mnl_attr_get_type(a) != NFTA_LIST_ELEM || !name || !*name)
			return false;
		n += nft_expr_anonymous(a) != NULL;
	}
	for (size_t i = 0; i < r->n_sets; i++)
		if (!is_whole(&r->sets[i].set) || !r->sets[i].set.n ||
		    !is_whole(&r->sets[i].elems) ||
		    r->sets[i].elems.n > NFT_RAW_ELEMS_MAX)
			return false;
	return n == r->n_sets;
}

/* Of a set that has a name: nft_named.h. */
static bool is_note(const char *text)
{
	return text[strcspn(text, " =")] == '=';
}

static int skip_word(const char **at)
{
	*at += strcspn(*at, " ");
	*at += **at == ' ';
	return 0;
}

static int read_set(const char **at, struct nft_raw *r)
{
	struct nft_raw_set *s;
	int err;

	if (mem_grow(&r->sets, &r->cap_sets, r->n_sets + 1))
		return -ENOMEM;
	s = &r->sets[r->n_sets++];
	*s = (struct nft_raw_set){ 0 };
	err = read_word(at, &s->set);
	return err ? err : read_word(at, &s->elems);
}

int nft_raw_parse(const char *text, struct nft_raw *ret)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = read_word(&text, &r.exprs);

	if (!err)
		err = read_word(&text, &r.user);
	while (!err && *text)
		err = is_note(text) ? skip_word(&text) : read_set(&text, &r);
	if (!err && !is_rule(&r))
		err = -EBADMSG;
	if (err)
		return err;
	*ret = r;
	r = (struct nft_raw){ 0 };
	return 0;
}

static void put_hex(const struct nft_bytes *b, struct strbuf *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < b->n; i++) {
		strbuf_add(out, &digits[b->v[i] >> 4], 1);
		strbuf_add(out, &digits[b->v[i] & 15], 1);
	}
	if (!b->n)
		strbuf_puts(out, "-");
}

void nft_raw_print(const struct nft_raw *r, struct strbuf *out)
{
	put_hex(&r->exprs, out);
	strbuf_puts(out, " ");
	put_hex(&r->user, out);
	for (size_t i = 0; i < r->n_sets; i++) {
		strbuf_puts(out, " ");
		put_hex(&r->sets[i].set, out);
		strbuf_puts(out, " ");
		put_hex(&r->sets[i].elems, out);
	}
}

int nft_raw_add_set(struct nft_raw *r, const struct nft_raw_set *copied)
{
	struct nft_raw_set s = { 0 };
	int err = nft_bytes_add(&s.set, copied->set.v, copied->set.n);

	if (!err)
		err = nft_bytes_add(&s.elems, copied->elems.v,
				    copied->elems.n);
	if (!err)
		err = mem_grow(&r->sets, &r->cap_sets, r->n_sets + 1);
	if (err) {
		nft_raw_set_release(&s);
		return err;
	}
	r->sets[r->n_sets++] = s;
	return 0;
}

/* The lookup's own attributes, but for where it looks. */
static int rename_lookup(const struct nlattr *expr, const char *name,
			 uint32_t id, struct nft_bytes *out)
{
	_cleanup_(nft_bytes_release) struct nft_bytes in = { 0 }, one = { 0 };
	const struct nlattr *a, *data = NULL;
	uint32_t number = htonl(id);
	int err;

	nft_expr_name(expr, &data);
	err = nft_bytes_attr(&in, NFTA_LOOKUP_SET, name, strlen(name) + 1);
	netlink_for_each_nested(a, data) {
		uint16_t type = mnl_attr_get_type(a);

		if (err || type == NFTA_LOOKUP_SET ||
		    type == NFTA_LOOKUP_SET_ID)
			continue;
		err = nft_bytes_attr(&in, type, mnl_attr_get_payload(a),
				     mnl_attr_get_payload_len(a));
	}
	if (!err && id)
		err = nft_bytes_attr(&in, NFTA_LOOKUP_SET_ID, &number,
				     sizeof(number));
	if (!err)
		err = nft_bytes_attr(&one, NFTA_EXPR_NAME, "lookup",
				     sizeof("lookup"));
	if (!err)
		err = nft_bytes_attr(&one, NFTA_EXPR_DATA | NLA_F_NESTED,
				     in.v, in.n);
	return err ? err : nft_bytes_attr(out, NFTA_LIST_ELEM | NLA_F_NESTED,
					  one.v, one.n);
}

int nft_raw_named(const struct nft_raw *r, const char *prefix, uint32_t id,
		  struct nft_bytes *ret)
{
	_cleanup_(nft_bytes_release) struct nft_bytes b = { 0 };
	const struct nlattr *a;
	uint32_t n = 0;
	int err = 0;

	nft_for_each_bytes(a, &r->exprs) {
		char name[64] = "__set%d";

		if (prefix)
			snprintf(name, sizeof(name), "%s%u", prefix, n);
		if (err)
			break;
		if (nft_expr_anonymous(a))
			err = rename_lookup(a, name, prefix ? 0 : id + n++,
					    &b);
		else
			err = nft_bytes_add(&b, a, MNL_ALIGN(a->nla_len));
		n += prefix && nft_expr_anonymous(a);
	}
	if (err)
		return err;
	*ret = b;
	b = (struct nft_bytes){ 0 };
	return 0;
}

bool nft_words_are_raw(const char *words)
{
	return !strncmp(words, NFT_RAW_WORD, strlen(NFT_RAW_WORD));
}
