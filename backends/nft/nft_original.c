/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "backends/nft/nft_original.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "core/intern.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* linux/netfilter/nf_tables_compat.h may not be in older headers */
#define COMPAT_PROTO 1		/* NFTA_RULE_COMPAT_PROTO */
#define COMPAT_FLAGS 2		/* NFTA_RULE_COMPAT_FLAGS */
#define COMPAT_F_INV 2		/* NFT_RULE_COMPAT_F_INV */

/* Attributes one behind the other, and user data. */
struct parts {
	const void *exprs, *user;
	size_t n_exprs, n_user;
};

struct owned {
	uint8_t *exprs, *user;
	struct parts p;
};

static void owned_release(struct owned *o)
{
	free(o->exprs);
	free(o->user);
	*o = (struct owned){ 0 };
}

/* As nft_for_each_nested(), of bytes that may be any. */
#define for_each(a, p)                                                        \
	for ((a) = (p)->exprs;                                                \
	     mnl_attr_ok((a), (int)((const char *)(p)->exprs + (p)->n_exprs - \
				    (const char *)(a)));                      \
	     (a) = mnl_attr_next(a))

static int parts_of(const struct nlmsghdr *nlh, struct parts *ret)
{
	const struct nlattr *v[NFTA_RULE_USERDATA + 1];
	const struct nlattr *e, *u;
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_USERDATA);

	if (err)
		return err;
	e = v[NFTA_RULE_EXPRESSIONS];
	u = v[NFTA_RULE_USERDATA];
	*ret = (struct parts){
		.exprs = e ? mnl_attr_get_payload(e) : NULL,
		.n_exprs = e ? mnl_attr_get_payload_len(e) : 0,
		.user = u ? mnl_attr_get_payload(u) : NULL,
		.n_user = u ? mnl_attr_get_payload_len(u) : 0,
	};
	return 0;
}

static const char *name_of(const struct nlattr *expr,
			   const struct nlattr **ret_data)
{
	const struct nlattr *v[NFTA_EXPR_DATA + 1];

	if (nft_nest_attrs(expr, v, NFTA_EXPR_DATA) || !v[NFTA_EXPR_NAME])
		return NULL;
	*ret_data = v[NFTA_EXPR_DATA];
	return nft_attr_str(v[NFTA_EXPR_NAME]);
}

/* Does it look into a set, whose name says that it has none of its own? */
static bool goes_with_set(const struct parts *p)
{
	const struct nlattr *a, *data;

	for_each(a, p) {
		const struct nlattr *v[NFTA_LOOKUP_SET + 1];
		const char *name = name_of(a, &data);

		if (name && data && !strcmp(name, "lookup") &&
		    !nft_nest_attrs(data, v, NFTA_LOOKUP_SET) &&
		    !strncmp(nft_attr_str(v[NFTA_LOOKUP_SET]), "__", 2))
			return true;
	}
	return false;
}

static void put_hex(const uint8_t *v, size_t n, struct strbuf *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		strbuf_add(out, &digits[v[i] >> 4], 1);
		strbuf_add(out, &digits[v[i] & 15], 1);
	}
	if (!n)
		strbuf_puts(out, "-");
}

int nft_original_write(const struct nlmsghdr *nlh, const char **ret)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct parts p;
	int err = parts_of(nlh, &p);

	*ret = NULL;
	if (err || !p.n_exprs || p.n_exprs + p.n_user > NFT_ORIGINAL_MAX ||
	    goes_with_set(&p))
		return err;
	put_hex(p.exprs, p.n_exprs, &b);
	strbuf_puts(&b, " ");
	put_hex(p.user, p.n_user, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	*ret = intern(strbuf_str(&b));
	return *ret ? 0 : -ENOMEM;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(const char *s, size_t len, uint8_t **ret, size_t *ret_n)
{
	_cleanup_free_ uint8_t *v = malloc(len / 2 + 1);

	if (!v)
		return -ENOMEM;
	if (len % 2)
		return -EBADMSG;
	for (size_t i = 0; i < len / 2; i++) {
		int high = digit(s[2 * i]), low = digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EBADMSG;
		v[i] = (uint8_t)(high << 4 | low);
	}
	*ret = TAKE_PTR(v);
	*ret_n = len / 2;
	return 0;
}

/* Whole expressions, each with a name. */
static bool is_whole(const struct parts *p)
{
	const struct nlattr *a, *data;

	if (!p->n_exprs || p->n_exprs + p->n_user > NFT_ORIGINAL_MAX)
		return false;
	for_each(a, p) {
		const char *name = name_of(a, &data);

		if (mnl_attr_get_type(a) != NFTA_LIST_ELEM || !name || !*name)
			return false;
	}
	return (const char *)a == (const char *)p->exprs + p->n_exprs;
}

static int read_text(const char *text, struct owned *ret)
{
	_cleanup_(owned_release) struct owned o = { 0 };
	size_t n = strcspn(text, " ");
	const char *user = text[n] ? text + n + 1 : "";
	int err = read_hex(text, n, &o.exprs, &o.p.n_exprs);

	if (!err && strcmp(user, "-") != 0)
		err = read_hex(user, strlen(user), &o.user, &o.p.n_user);
	if (err)
		return err;
	o.p.exprs = o.exprs;
	o.p.user = o.user;
	if (!*user || !is_whole(&o.p))
		return -EBADMSG;
	*ret = o;
	o = (struct owned){ 0 };
	return 0;
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

static void put_compat(struct nlmsghdr *nlh, const struct parts *p)
{
	struct compat c = { 0 };
	const struct nlattr *a, *data;
	struct nlattr *nest;

	for_each(a, p) {
		const char *name = name_of(a, &data);

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

int nft_original_put(struct nlmsghdr *nlh, const char *text)
{
	_cleanup_(owned_release) struct owned o = { 0 };
	int err = read_text(text, &o);

	if (err)
		return err;
	mnl_attr_put(nlh, NLA_F_NESTED | NFTA_RULE_EXPRESSIONS, o.p.n_exprs,
		     o.p.exprs);
	put_compat(nlh, &o.p);
	if (o.p.n_user)
		mnl_attr_put(nlh, NFTA_RULE_USERDATA, o.p.n_user, o.p.user);
	return 0;
}

static uint64_t digest(const struct parts *p)
{
	uint64_t h = digest_add(DIGEST_START, &p->n_user, sizeof(p->n_user));
	const struct nlattr *a, *data;

	for_each(a, p) {
		const char *name = name_of(a, &data);

		if (name && !strcmp(name, "counter"))
			h = digest_add(h, name, strlen(name));
		else
			h = digest_add(h, a, a->nla_len);
	}
	return digest_add(h, p->user, p->n_user);
}

int nft_original_digest(const char *text, uint64_t *ret)
{
	_cleanup_(owned_release) struct owned o = { 0 };
	int err = read_text(text, &o);

	if (!err)
		*ret = digest(&o.p);
	return err;
}

int nft_original_digest_of(const struct nlmsghdr *nlh, uint64_t *ret)
{
	struct parts p;
	int err = parts_of(nlh, &p);

	if (!err)
		*ret = digest(&p);
	return err;
}

/* Of an immediate's data: the chain of its verdict. */
static const char *chain_of(const struct nlattr *data)
{
	const struct nlattr *v[NFTA_IMMEDIATE_DATA + 1];
	const struct nlattr *in[NFTA_DATA_VERDICT + 1];
	const struct nlattr *to[NFTA_VERDICT_CHAIN + 1];

	if (nft_nest_attrs(data, v, NFTA_IMMEDIATE_DATA) ||
	    !v[NFTA_IMMEDIATE_DATA] ||
	    nft_nest_attrs(v[NFTA_IMMEDIATE_DATA], in, NFTA_DATA_VERDICT) ||
	    !in[NFTA_DATA_VERDICT] ||
	    nft_nest_attrs(in[NFTA_DATA_VERDICT], to, NFTA_VERDICT_CHAIN) ||
	    !to[NFTA_VERDICT_CHAIN])
		return NULL;
	return nft_attr_str(to[NFTA_VERDICT_CHAIN]);
}

static const char *target_of(const struct parts *p)
{
	const struct nlattr *a, *data;
	const char *chain = NULL;

	for_each(a, p) {
		const char *name = name_of(a, &data);

		if (name && data && !strcmp(name, "immediate"))
			chain = chain_of(data);
	}
	return chain;
}

const char *nft_original_target(const struct nlattr *exprs)
{
	const struct parts p = {
		.exprs = exprs ? mnl_attr_get_payload(exprs) : NULL,
		.n_exprs = exprs ? mnl_attr_get_payload_len(exprs) : 0,
	};

	return exprs ? target_of(&p) : NULL;
}

int nft_original_leads_to(const char *text, const char **ret)
{
	_cleanup_(owned_release) struct owned o = { 0 };
	int err = read_text(text, &o);
	const char *chain = err ? NULL : target_of(&o.p);

	*ret = chain ? intern(chain) : NULL;
	return chain && !*ret ? -ENOMEM : err;
}
