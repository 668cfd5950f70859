/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_put.c: an image rule as iptables-nft would write it.
 *
 * iptables-nft 1.8.8 and later writes some matches as nft's own expressions,
 * which older releases take for no condition at all. As blobs, all of them read
 * and show them alike; so do they with a mask where later ones load fewer bytes
 * of an address.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_compat_target.h"
#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_netlink.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"

/* -m conntrack --ctstate UNTRACKED */
static void put_blob(struct nft_writer *w, const struct xt_blob *b)
{
	_cleanup_free_ void *info = malloc(b->len + 1);
	struct nftnl_expr *e = info ? nft_add_expr(w, "match") : NULL;

	if (!e) {
		w->lost = true;
		return;
	}
	memcpy(info, b->info, b->len);
	nftnl_expr_set_str(e, NFTNL_EXPR_MT_NAME, b->name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_MT_REV, b->revision);
	/* libnftnl takes this one over instead of copying it */
	if (!nftnl_expr_set(e, NFTNL_EXPR_MT_INFO, info, (uint32_t)b->len))
		info = NULL;
}

static int refuse(const struct image_rule *r, struct diags *d)
{
	return diag_add(d, DIAG_ERROR, -EOPNOTSUPP, ID_XTABLES_ARGUMENT,
			r->origin ? r->origin->at : NOPOS,
			"iptables cannot express one of these rules");
}

static bool is_writable(const struct image_rule *r)
{
	return !r->n_lookups && (r->verdict == VERDICT_ACCEPT ||
				 r->verdict == VERDICT_RETURN ||
				 r->verdict == VERDICT_JUMP ||
				 r->verdict == VERDICT_WORDS);
}

/* -j DROP, -j f2b-sshd; "": packets go on */
static void put_standard(struct nft_writer *w, const char *name, bool goes)
{
	static const struct {
		const char *name;
		int code;
	} rows[] = {
		{ "ACCEPT", NF_ACCEPT }, { "DROP", NF_DROP },
		{ "RETURN", NFT_RETURN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(name, rows[i].name)) {
			nft_put_code(w, rows[i].code, NULL);
			return;
		}
	if (*name)
		nft_put_code(w, goes ? NFT_GOTO : NFT_JUMP, name);
}

/* The same, or a blob where it is an extension. */
static void put_target(struct nft_writer *w, const struct xt_target *t,
		       bool goes)
{
	_cleanup_free_ void *info = NULL;
	struct nftnl_expr *e;

	if (!strcmp(t->name, "TRACE")) {
		nft_compat_put_trace(w);
		return;
	}
	if (!t->info) {
		put_standard(w, t->name, goes);
		return;
	}
	info = malloc(t->len + 1);
	e = info ? nft_add_expr(w, "target") : NULL;
	if (!e) {
		w->lost = true;
		return;
	}
	memcpy(info, t->info, t->len);
	nftnl_expr_set_str(e, NFTNL_EXPR_TG_NAME, t->name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_TG_REV, t->revision);
	if (!nftnl_expr_set(e, NFTNL_EXPR_TG_INFO, info, (uint32_t)t->len))
		info = NULL;
}

static void put_end(struct nft_writer *w, uint8_t family, void *entry,
		    const struct image_rule *r)
{
	const struct xt_head head = { .family = family, .p = entry };
	struct xt_target t;

	nft_add_expr(w, "counter");
	if (r->verdict != VERDICT_WORDS) {
		nft_put_verdict(w, r);
		return;
	}
	xt_target_of(family, entry, &t);
	put_target(w, &t, xt_head_goes(&head));
}

int nft_compat_put(struct nft_writer *w, uint8_t family,
		   const struct image_rule *r, struct diags *d)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_free_ void *entry = NULL;
	struct xt_blob b;
	size_t at = 0;
	int err = is_writable(r) ? ipt_args_encode(r, family, &a) : -EOPNOTSUPP;

	if (err == -EOPNOTSUPP)
		return refuse(r, d);
	if (!err)
		err = xt_init(d);
	if (!err)
		err = xt_build(family, &a, r->verdict == VERDICT_WORDS ?
						   NULL : nft_name_is_own,
			       r->origin ? r->origin->at : NOPOS, &entry, d);
	if (err)
		return err;
	if (nft_compat_put_head(w, family, entry))
		return refuse(r, d);
	while (xt_next_match(family, entry, &at, &b))
		put_blob(w, &b);
	put_end(w, family, entry, r);
	return 0;
}
