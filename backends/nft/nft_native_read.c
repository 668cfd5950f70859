/* SPDX-License-Identifier: GPL-2.0-or-later */
/* backends/nft/nft_native_read.c: rules in the kernel's bytes, understood. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/nft/nft_live.h"
#include "backends/nft/nft_native.h"
#include "backends/nft/nft_original.h"
#include "core/mem.h"
#include "rules/image.h"

static const struct origin raw_origin;

int nft_raw_add_rule(struct image_chain *c, const struct nft_raw *raw)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct image_rule *r = image_add_rule(c);

	strbuf_puts(&b, NFT_RAW_WORD);
	nft_raw_print(raw, &b);
	if (!r || strbuf_status(&b))
		return -ENOMEM;
	r->verdict = VERDICT_WORDS;
	r->origin = &raw_origin;
	r->unknown = strbuf_take(&b);
	return r->unknown ? 0 : -ENOMEM;
}

int nft_raw_in_place(struct image_rule *r)
{
	_cleanup_(nft_raw_release) struct nft_raw raw = { 0 };
	const char *to;
	int err;

	if (!r->unknown || !nft_words_are_raw(r->unknown))
		return 0;
	err = nft_raw_parse(r->unknown + strlen(NFT_RAW_WORD), &raw);
	if (err)
		return err == -ENOMEM ? err : 0;
	to = nft_raw_target(&raw);
	if (!to || !own_names_led_to(to))
		return 0;
	r->verdict = VERDICT_WORDS;
	r->target = to;
	return 0;
}

int nft_raw_decode(const struct nlmsghdr *nlh, const struct image_table *t,
		   const struct nft_anonymous *sets, struct image_rule *ret)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	const struct nlattr *v[NFTA_RULE_HANDLE + 1];
	int err = nft_msg_attrs(nlh, v, NFTA_RULE_HANDLE);

	if (!err)
		err = nft_raw_of(nlh, sets, &r);
	if (!err || err == -ENOENT)
		err = nft_raw_settle_own(&r);
	if (err)
		return err;
	strbuf_puts(&b, NFT_RAW_WORD);
	nft_raw_print(&r, &b);
	*ret = (struct image_rule){ .verdict = VERDICT_WORDS };
	ret->match.family = nft_table_af(t->family);
	ret->handle = nft_attr_u64(v[NFTA_RULE_HANDLE]);
	ret->unknown = strbuf_status(&b) ? NULL : strbuf_take(&b);
	return ret->unknown ? 0 : -ENOMEM;
}

static void put_bytes(struct nlmsghdr *nlh, const void *v, size_t n)
{
	memcpy(mnl_nlmsg_get_payload_tail(nlh), v, n);
	nlh->nlmsg_len += (uint32_t)n;
}

static int add_elems(struct live_set *to, const struct nft_bytes *elems,
		     void *buf)
{
	_cleanup_(nft_live_elems_release) struct live_elems e = { .set = to };
	const struct nlattr *a;
	int err = 0;

	nft_for_each_bytes(a, elems) {
		struct nlmsghdr *nlh = nft_msg_put(buf, NFT_MSG_NEWSETELEM, 0,
						   to->family, 0);
		struct nlattr *list = mnl_attr_nest_start(
			nlh, NFTA_SET_ELEM_LIST_ELEMENTS);

		put_bytes(nlh, a, MNL_ALIGN(a->nla_len));
		mnl_attr_nest_end(nlh, list);
		err = nft_live_add_elems(&e, nlh);
		if (err)
			return err;
	}
	return nft_live_end_elems(&e);
}

static int add_set(struct live_sets *s, struct foreign *f, uint32_t table,
		   const struct nft_raw_set *set, const char *name)
{
	/* an attribute is no longer than that */
	_cleanup_free_ void *buf = calloc(1, set->set.n + UINT16_MAX + 1024);
	struct nlmsghdr *nlh;
	int err;

	if (!buf)
		return -ENOMEM;
	nlh = nft_msg_put(buf, NFT_MSG_NEWSET, 0, f->tables[table].family, 0);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, name);
	put_bytes(nlh, set->set.v, set->set.n);
	err = nft_live_add_set(s, f, table, nlh);
	return err ? err : s->v[s->n - 1].key_len > LIVE_BYTES ? 0 :
			   add_elems(&s->v[s->n - 1], &set->elems, buf);
}

int nft_live_add_own_sets(struct live_sets *s, struct foreign *f,
			  uint32_t table, const struct nft_raw *r,
			  const char *prefix)
{
	char name[64];
	int err = 0;

	for (size_t i = 0; !err && i < r->n_sets; i++) {
		snprintf(name, sizeof(name), "%s%zu", prefix, i);
		err = add_set(s, f, table, &r->sets[i], name);
	}
	return err;
}

/* The rule that was added last, with sets that are read along. */
static int read_rule(struct foreign *f, const struct nft_raw *r)
{
	static const char prefix[] = "__raw";
	_cleanup_(nft_live_sets_release) struct live_sets sets = { 0 };
	_cleanup_(nft_bytes_release) struct nft_bytes exprs = { 0 };
	_cleanup_(nft_bytes_release) struct nft_bytes all = { 0 };
	_cleanup_(nft_live_rule_release) struct live_rule rule = {
		.f = f, .sets = &sets,
	};
	int err;

	rule.table = f->chains[f->rules[f->n_rules - 1].chain].table;
	rule.table_family = f->tables[rule.table].family;
	err = nft_live_add_own_sets(&sets, f, rule.table, r, prefix);
	if (!err)
		err = nft_live_comment(&rule, r->user.v, r->user.n);
	if (!err)
		err = nft_raw_named(r, prefix, 0, &exprs);
	if (!err)
		err = nft_bytes_attr(&all, NFTA_RULE_EXPRESSIONS, exprs.v,
				     exprs.n);
	return err ? err : nft_live_read_rule(&rule, (const void *)all.v);
}

int nft_raw_terms(const struct image_table *t, const char *words,
		  struct foreign *f)
{
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	int err = nft_raw_parse(words + strlen(NFT_RAW_WORD), &r);

	(void)t;
	return err == -EBADMSG ? -EOPNOTSUPP : err ? err : read_rule(f, &r);
}

int nft_raw_say(uint8_t family, const char *table, const char *raw,
		struct strbuf *out)
{
	_cleanup_(foreign_free) struct foreign *f = calloc(1, sizeof(*f));
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	uint32_t in, chain;
	int err = f ? nft_raw_parse(raw, &r) : -ENOMEM;

	if (!err)
		err = foreign_table(f, family, table, 0, &in);
	if (!err)
		err = foreign_chain(f, in, "c", 0, &chain);
	if (!err && !foreign_add_rule(f, chain, 0))
		err = -ENOMEM;
	if (!err)
		err = read_rule(f, &r);
	if (!err)
		strbuf_add(out, f->rules[0].raw.s, f->rules[0].raw.n);
	return err ? err : strbuf_status(out);
}
