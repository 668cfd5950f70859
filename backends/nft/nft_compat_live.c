/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backends/nft/nft_compat_live.c: state rules of iptables-nft's live tables,
 * read and replaced in the words of iptables.
 */
#include <errno.h>
#include <string.h>

#include "backends/nft/nft_compat.h"
#include "backends/nft/nft_netlink.h"
#include "backends/nft/nft_original.h"
#include "backends/xtables/ipt_edits.h"
#include "backends/xtables/ipt_foreign_rule.h"
#include "backends/xtables/ipt_rewrite.h"
#include "backends/xtables/ipt_step.h"
#include "backends/xtables/xt.h"
#include "core/mem.h"
#include "core/strbuf.h"

static void rule_freep(struct nftnl_rule **r)
{
	if (*r)
		nftnl_rule_free(*r);
}

/* As `iptables -S` shows it, where libxtables knows all of it. */
static int settle(uint8_t family, struct ipt_args *a)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	_cleanup_(ipt_args_release) struct ipt_args settled = { 0 };
	_cleanup_free_ char *words = NULL;
	int err;

	ipt_args_print(a, &b);
	err = strbuf_status(&b);
	if (!err)
		err = xt_settle(family, strbuf_str(&b), &words);
	if (!err)
		err = ipt_args_split(words, strlen(words), &settled);
	if (err)
		return err == -ENOMEM ? err : 0;
	ipt_args_release(a);
	*a = settled;
	settled = (struct ipt_args){ 0 };
	return 0;
}

static int add(struct foreign *f, uint32_t chain, const struct ipt_args *a)
{
	_cleanup_(strbuf_release) struct strbuf b = { 0 };
	struct ipt_foreign_place at = {
		.family = f->tables[f->chains[chain].table].family,
		.chain = chain,
	};

	strbuf_printf(&b, "-A %s%s", f->chains[chain].name, a->n ? " " : "");
	ipt_args_print(a, &b);
	if (strbuf_status(&b))
		return -ENOMEM;
	at.raw.s = foreign_keep(f, b.s, b.n);
	at.raw.n = b.n;
	return at.raw.s ? ipt_foreign_add(f, &at, a, 0, NULL) : -ENOMEM;
}

static int args_of(uint8_t family, const struct nlmsghdr *nlh,
		   struct ipt_args *a, bool *ret)
{
	_cleanup_(rule_freep) struct nftnl_rule *nr = nftnl_rule_alloc();
	int err;

	*ret = false;
	if (!nr)
		return -ENOMEM;
	errno = 0;
	if (nftnl_rule_nlmsg_parse(nlh, nr) < 0)
		return errno == ENOMEM ? -ENOMEM : 0;
	err = nft_compat_args(family, nr, a, ret);
	return err || !*ret ? err : settle(family, a);
}

int nft_compat_read(struct foreign *f, uint32_t chain,
		    const struct nlmsghdr *nlh, bool *ret)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	uint8_t family = f->tables[f->chains[chain].table].family;
	int err = args_of(family, nlh, &a, ret);

	return err || !*ret ? err : add(f, chain, &a);
}

int nft_compat_print_original(const struct image_table *t, const char *chain,
			      const char *original, struct strbuf *out)
{
	_cleanup_(ipt_args_release) struct ipt_args a = { 0 };
	_cleanup_(nft_raw_release) struct nft_raw r = { 0 };
	_cleanup_free_ void *buf = calloc(1, NFT_RAW_MSG);
	struct nlmsghdr *nlh;
	bool known = false;
	int err;

	if (!buf)
		return -ENOMEM;
	nlh = nft_msg_put(buf, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, 0,
			  t->family, 0);
	err = nft_raw_parse(original, &r);
	if (!err)
		err = nft_original_put(nlh, &r, NULL, 0);
	if (!err)
		err = args_of(t->family, nlh, &a, &known);
	if (err || !known)
		return err ? err : -EBADMSG;
	ipt_print_adding(t, chain, &a, out);
	return strbuf_status(out);
}

int nft_compat_put_edits(struct foreign *f, struct stateless *s,
			 struct image *img, struct diags *d)
{
	static const struct ipt_edit_names names = {
		.world = WORLD_NFT, .input = "ctpolicy-input",
		.forward = "ctpolicy-forward", .output = "ctpolicy-output",
		.prerouting = "ctpolicy-pre", .postrouting = "ctpolicy-post",
	};

	return ipt_put_edits(&names, f, s, img, d);
}

bool nft_compat_stands_for(const char *stand_in, const struct foreign *f,
			   const struct foreign_rule *r)
{
	return ipt_stands_for(stand_in, f, r);
}

int nft_compat_print_edit(const struct foreign *f, const struct stateless *s,
			  const struct stateless_edit *e, struct strbuf *out)
{
	return ipt_print_edit(f, s, e, out);
}
