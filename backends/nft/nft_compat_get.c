/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_get.c: a rule in a table of iptables-nft, as the
 * arguments that iptables would show, and these as an image rule.
 *
 * It reads what any release of iptables-nft makes of ctpolicy's rules when it
 * restores a dump: shortened addresses, flags and types as nft's own
 * expressions, the comment in the rule's user data.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_compat_reader.h"
#include "backends/nft/nft_compat_target.h"
#include "backends/nft/nft_netlink.h"
#include "backends/xtables/ipt_rule_args.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"
#include "core/strbuf.h"

void nft_compat_say(struct nft_reading *r, const char *word)
{
	if (!r->err)
		r->err = ipt_args_add(&r->a, word);
}

void nft_compat_say_number(struct nft_reading *r, uint32_t n)
{
	if (!r->err)
		r->err = ipt_args_addf(&r->a, "%u", n);
}

void nft_compat_say_option(struct nft_reading *r, const char *name,
			   bool negated)
{
	if (negated)
		nft_compat_say(r, "!");
	nft_compat_say(r, name);
}

static void read_meta(struct nft_reading *r, const struct nftnl_expr *e)
{
	if (nftnl_expr_is_set(e, NFTNL_EXPR_META_SREG)) {
		nft_compat_read_set_meta(r, e);
		return;
	}
	r->from = META;
	r->key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
	r->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_META_DREG);
	r->masked = false;
	r->unknown |= !nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG);
}

static void read_payload(struct nft_reading *r, const struct nftnl_expr *e)
{
	uint32_t base = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);

	r->from = base == NFT_PAYLOAD_NETWORK_HEADER   ? NETWORK :
		  base == NFT_PAYLOAD_TRANSPORT_HEADER ? TRANSPORT :
							 NOTHING;
	r->key = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	r->len = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN);
	r->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG);
	r->masked = false;
	r->unknown |= !nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_DREG);
}

static void read_bitwise(struct nft_reading *r, const struct nftnl_expr *e)
{
	static const uint8_t zero[16];
	uint32_t len = 0, xor_len = 0;
	const void *mask = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &len);
	const void *flip = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_XOR, &xor_len);

	if (!mask || len > sizeof(r->mask) || !flip || xor_len > sizeof(zero) ||
	    memcmp(flip, zero, xor_len) || r->masked ||
	    nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG) != r->reg) {
		r->unknown = true;
		return;
	}
	memset(r->mask, 0, sizeof(r->mask));
	memcpy(r->mask, mask, len);
	r->masked = true;
	r->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG);
}

static void say_blob(struct nft_reading *r, bool is_target, const char *name,
		     uint8_t rev, const void *info, uint32_t len)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_(diags_release) struct diags quiet = { 0 };
	int err = name ? xt_init(&quiet) : -EINVAL;

	if (!err)
		err = xt_blob_args(r->family, is_target, name, rev, info, len,
				   &a);
	for (size_t i = 0; !err && i < a.n; i++)
		nft_compat_say(r, a.v[i]);
	if (err == -ENOMEM)
		r->err = err;
	r->unknown |= err;
}

static void read_match(struct nft_reading *r, const struct nftnl_expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_MT_NAME);
	uint32_t len = 0;
	const void *info = nftnl_expr_get(e, NFTNL_EXPR_MT_INFO, &len);

	r->commented |= name && !strcmp(name, "comment");
	say_blob(r, false, name,
		 (uint8_t)nftnl_expr_get_u32(e, NFTNL_EXPR_MT_REV), info, len);
}

static void read_target(struct nft_reading *r, const struct nftnl_expr *e)
{
	uint32_t len = 0;
	const void *info = nftnl_expr_get(e, NFTNL_EXPR_TG_INFO, &len);

	say_blob(r, true, nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME),
		 (uint8_t)nftnl_expr_get_u32(e, NFTNL_EXPR_TG_REV), info, len);
	r->ended = true;
}

static void read_counter(struct nft_reading *r, const struct nftnl_expr *e)
{
	(void)r;
	(void)e;
}

static void read_immediate(struct nft_reading *r, const struct nftnl_expr *e)
{
	const char *chain = nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN);
	const char *word = NULL;
	int code = (int)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);

	if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) == NFT_REG_VERDICT)
		word = code == NF_ACCEPT   ? "ACCEPT" :
		       code == NF_DROP	   ? "DROP" :
		       code == NFT_RETURN  ? "RETURN" :
		       code == NFT_JUMP ||
				code == NFT_GOTO ? chain :
						   NULL;
	else if (nft_compat_read_one(r, e))
		return;
	if (!word) {
		r->unknown = true;
		return;
	}
	r->ended = true;
	nft_compat_say(r, code == NFT_GOTO ? "-g" : "-j");
	nft_compat_say(r, word);
}

static int read_expr(struct nftnl_expr *e, void *data)
{
	static const struct {
		const char *name;
		void (*read)(struct nft_reading *r, const struct nftnl_expr *e);
	} v[] = {
		{ "bitwise", read_bitwise },
		{ "cmp", nft_compat_read_cmp },
		{ "counter", read_counter },
		{ "immediate", read_immediate },
		{ "limit", nft_compat_read_limit },
		{ "log", nft_compat_read_log },
		{ "match", read_match },
		{ "meta", read_meta },
		{ "payload", read_payload },
		{ "range", nft_compat_read_range },
		{ "target", read_target },
	};
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	struct nft_reading *r = data;

	for (size_t i = 0; name && !r->ended && i < ARRAY_SIZE(v); i++)
		if (!strcmp(v[i].name, name)) {
			v[i].read(r, e);
			return 0;
		}
	r->unknown = true;
	return 0;
}

/* As iptables-nft 1.8.2 keeps it. */
static void take_comment(struct nft_reading *r, const struct nftnl_rule *nr)
{
	char buf[COMMENT_MAX + 1];
	uint32_t len = 0;
	const void *u = nftnl_rule_get_data(nr, NFTNL_RULE_USERDATA, &len);
	const char *c = u ? nft_udata_comment(u, len, buf, sizeof(buf)) : NULL;

	if (!c || r->commented)
		return;
	nft_compat_say(r, "-m");
	nft_compat_say(r, "comment");
	nft_compat_say(r, "--comment");
	nft_compat_say(r, c);
}

static void reader_release(struct nft_reading *r)
{
	ipt_args_release(&r->a);
}

static int read_rule(struct nft_reading *r, struct nftnl_rule *nr)
{
	nftnl_expr_foreach(nr, read_expr, r);
	take_comment(r, nr);
	return r->err;
}

int nft_compat_args(uint8_t family, struct nftnl_rule *nr,
		    struct ipt_args *ret, bool *ret_known)
{
	_cleanup_(reader_release) struct nft_reading r = { .family = family };
	int err = read_rule(&r, nr);

	if (err)
		return err;
	*ret_known = !r.unknown;
	*ret = r.a;
	r.a = (struct ipt_args){ 0 };
	return 0;
}

/* As iptables shows words, whatever their order is here. */
static int settle_words(const struct nft_reading *r, struct image_rule *ret)
{
	_cleanup_free_ char *words = NULL;
	int err = nft_compat_settle(r->family, ret->unknown, &words);

	if (err)
		return err == -EOPNOTSUPP ? 0 : err;
	free(ret->unknown);
	ret->unknown = TAKE_PTR(words);
	return 0;
}

int nft_compat_decode(struct image *img, const struct image_table *t,
		      struct nftnl_rule *nr, struct image_rule *ret)
{
	_cleanup_(reader_release) struct nft_reading r = {
		.family = t->family,
	};
	uint64_t handle = nftnl_rule_get_u64(nr, NFTNL_RULE_HANDLE);
	int err = read_rule(&r, nr);

	if (err)
		return err;
	*ret = (struct image_rule){ .verdict = VERDICT_UNKNOWN };
	if (r.unknown) {
		ret->match.family = nft_table_af(t->family);
		ret->unknown = nft_rule_describe(nr);
		err = ret->unknown ? 0 : -ENOMEM;
	} else if (own_names_echo(nftnl_rule_get_str(nr, NFTNL_RULE_CHAIN))) {
		err = ipt_args_words(&r.a, ret);
	} else {
		err = ipt_args_decode(&r.a, t->family, NULL, nft_name_is_own,
				      img, ret);
	}
	if (!err && ret->verdict == VERDICT_WORDS)
		err = settle_words(&r, ret);
	ret->handle = handle;
	return err;
}
