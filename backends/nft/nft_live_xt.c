/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_live_xt.c: matches and targets of iptables in nft rules.
 *
 * They are blobs that libxtables alone knows; without it they stay opaque.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "backends/nft/nft_live.h"
#ifdef HAVE_IPTABLES
#include "backends/xtables/xt.h"
#include "backends/xtables/xt_terms.h"
#include "backends/xtables/xt_uses.h"
#endif
#include "core/mem.h"

struct blob {
	bool is_target;
	const char *name;
	uint8_t revision;
	const void *info;
	size_t len;
};

static int put_opaque(struct live_rule *r, const struct blob *b)
{
	nft_live_say(r, "[%s]", b->name);
	return b->is_target ? 0 : nft_live_opaque(r, b->name);
}

#ifdef HAVE_IPTABLES
static bool is_ready(void)
{
	_cleanup_(diags_release) struct diags quiet = { 0 };

	return !xt_init(&quiet);
}

/* In a table of nft's own, nft shows nothing but its name. */
static int take_args(struct live_rule *r, const struct ipt_args *a)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	int err = r->compat ? xt_uses_add(r->f, a, 0) : 0;

	ipt_args_print(a, &b);
	nft_live_say(r, "[%s]", strbuf_str(&b));
	if (!err)
		err = strbuf_status(&b);
	if (err || !r->f->wants_terms)
		return err;
	return xt_terms_add(r->f, r->table_family, a, 0, NULL);
}

static int put_blob(struct live_rule *r, const struct blob *b)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	int err = -EOPNOTSUPP;

	if ((r->table_family == NFPROTO_IPV4 ||
	     r->table_family == NFPROTO_IPV6) && is_ready())
		err = xt_blob_args(r->table_family, b->is_target, b->name,
				   b->revision, b->info, b->len, &a);
	if (!err)
		return take_args(r, &a);
	return err == -ENOMEM ? err : put_opaque(r, b);
}
#else
static int put_blob(struct live_rule *r, const struct blob *b)
{
	return put_opaque(r, b);
}
#endif

/* A match or a target: their attributes are of the same numbers. */
static int read_blob(struct live_rule *r, const struct nlattr *const *v,
		     struct blob *b)
{
	b->name = nft_attr_str(v[NFTA_MATCH_NAME]);
	b->revision = (uint8_t)nft_attr_u32(v[NFTA_MATCH_REV]);
	if (v[NFTA_MATCH_INFO]) {
		b->info = mnl_attr_get_payload(v[NFTA_MATCH_INFO]);
		b->len = mnl_attr_get_payload_len(v[NFTA_MATCH_INFO]);
	}
	if (!r->compat)
		nft_live_last(r)->features |= FEATURE_BIT(XT_OPAQUE);
	return put_blob(r, b);
}

static int read_match(struct live_rule *r, const struct nlattr *const *v)
{
	struct blob b = { .is_target = false };
	const char *name = nft_attr_str(v[NFTA_MATCH_NAME]);
	const struct nlattr *info = v[NFTA_MATCH_INFO];

	if (strcmp(name, "comment") != 0)
		return read_blob(r, v, &b);
	if (info)
		nft_live_say(r, "comment \"%.*s\"",
			     (int)strnlen(mnl_attr_get_payload(info),
					  mnl_attr_get_payload_len(info)),
			     (const char *)mnl_attr_get_payload(info));
	return 0;
}

static int read_target(struct live_rule *r, const struct nlattr *const *v)
{
	static const struct {
		const char *name;
		enum foreign_verdict verdict;
	} ends[] = {
		{ "ACCEPT", FOREIGN_ACCEPT }, { "DROP", FOREIGN_DROP },
		{ "REJECT", FOREIGN_REJECT }, { "RETURN", FOREIGN_RETURN },
	};
	struct blob b = { .is_target = true };
	int err = read_blob(r, v, &b);

	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strcmp(ends[i].name, b.name)) {
			r->ended = true;
			return nft_live_set_verdict(r, ends[i].verdict, NULL,
						    0);
		}
	return nft_live_set_verdict(r, FOREIGN_TARGET, b.name, 0);
}

const struct live_row nft_live_compat[] = {
	{ "match", read_match }, { "target", read_target }, { NULL, NULL },
};
