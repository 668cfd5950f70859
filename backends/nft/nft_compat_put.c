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
#include "backends/nft/nft_expr.h"
#include "backends/nft/nft_netlink.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"

/* -i eth0 with its NUL, -i wan+ without */
static void put_iface(struct nft_writer *w, uint32_t key,
		      const struct iface_set *s)
{
	if (!s->n)
		return;
	nft_put_meta(w, key, NFT_REG_1);
	nft_put_cmp(w, NFT_CMP_EQ, s->v[0].name,
		    (uint32_t)strnlen(s->v[0].name, sizeof(s->v[0].name) - 1) +
			    !s->v[0].wild);
}

static void put_addr(struct nft_writer *w, uint32_t offset,
		     const struct prefix_set *s)
{
	const struct prefix *p = s->v;
	uint32_t width;
	uint8_t mask[16] = { 0 };

	if (!s->n)
		return;
	width = p->family == AF_INET ? 4 : 16;
	nft_put_payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, width,
			NFT_REG_1);
	for (size_t i = 0; i < p->len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (p->len < width * 8)
		nft_put_mask(w, mask, width);
	nft_put_cmp(w, NFT_CMP_EQ, p->addr, width);
}

/* -i lo -p tcp -s 10.0.0.0/8 -f */
static void put_head(struct nft_writer *w, uint8_t family,
		     const struct match *m)
{
	bool v4 = family == NFPROTO_IPV4;

	put_iface(w, NFT_META_IIFNAME, &m->iif);
	put_iface(w, NFT_META_OIFNAME, &m->oif);
	if (m->proto) {
		nft_put_meta(w, NFT_META_L4PROTO, NFT_REG_1);
		nft_put_cmp(w, NFT_CMP_EQ, &m->proto, sizeof(m->proto));
		nftnl_rule_set_u32(w->rule, NFTNL_RULE_COMPAT_PROTO, m->proto);
		nftnl_rule_set_u32(w->rule, NFTNL_RULE_COMPAT_FLAGS, 0);
	}
	put_addr(w, v4 ? 12 : 8, &m->saddr);
	put_addr(w, v4 ? 16 : 24, &m->daddr);
	if (m->fragment_tail && v4)
		nft_put_fragment(w, AF_INET);
}

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
			"iptables has no words for one of these rules");
}

static bool is_writable(const struct image_rule *r)
{
	return !r->n_lookups && (r->verdict == VERDICT_ACCEPT ||
				 r->verdict == VERDICT_RETURN ||
				 r->verdict == VERDICT_JUMP ||
				 r->verdict == VERDICT_WORDS);
}

/* -j DROP, -j f2b-sshd */
static void put_standard(struct nft_writer *w, const char *name)
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
	nft_put_code(w, NFT_JUMP, name);
}

/* The same, or a blob where it is an extension. */
static void put_target(struct nft_writer *w, const struct xt_target *t)
{
	_cleanup_free_ void *info = NULL;
	struct nftnl_expr *e;

	if (!t->info) {
		put_standard(w, t->name);
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
	struct xt_target t;

	nft_add_expr(w, "counter");
	if (r->verdict != VERDICT_WORDS) {
		nft_put_verdict(w, r);
		return;
	}
	xt_target_of(family, entry, &t);
	put_target(w, &t);
}

/* Of words nothing is in the rule's match. */
static void put_beginning(struct nft_writer *w, uint8_t family, void *entry,
			  const struct image_rule *r)
{
	struct match m = r->match;	/* borrows */
	struct xt_target t;

	if (r->verdict == VERDICT_WORDS) {
		xt_target_of(family, entry, &t);
		m.proto = t.proto;
	}
	put_head(w, family, &m);
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
	put_beginning(w, family, entry, r);
	while (xt_next_match(family, entry, &at, &b))
		put_blob(w, &b);
	put_end(w, family, entry, r);
	return 0;
}
